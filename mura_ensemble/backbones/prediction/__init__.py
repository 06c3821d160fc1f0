"""From weights and views to cached probabilities."""
