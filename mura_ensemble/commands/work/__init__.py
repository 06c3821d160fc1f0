"""What a verb does from files to files; each returns the few lines that a person reads at the end."""
