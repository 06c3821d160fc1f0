"""The page of a published board."""
