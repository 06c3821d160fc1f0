"""What several verbs share on a terminal."""
