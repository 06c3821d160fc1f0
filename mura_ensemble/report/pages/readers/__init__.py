"""The page of a reader study."""
