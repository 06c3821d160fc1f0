"""What must be known before a number is quoted."""
