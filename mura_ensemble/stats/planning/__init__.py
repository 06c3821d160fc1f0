"""How many studies, and what they can tell apart."""
