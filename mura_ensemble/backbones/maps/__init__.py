"""Where in a view a network sees what it sees."""
