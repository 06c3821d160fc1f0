"""What an ensemble and its members are honestly worth."""
