"""Many submissions: scheduling over worker processes."""
