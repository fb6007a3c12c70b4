"""How checks judge: the pytest plugin, the submission proxy, comparisons and diagnosis."""
