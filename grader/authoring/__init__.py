"""What exercise authors use: stub generation and the audit of rule 6."""
