"""Models and readers in one reader study."""
