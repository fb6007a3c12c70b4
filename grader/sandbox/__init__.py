"""The process boundary: nothing of a submission runs outside it."""
