"""The frames of a comparison, and what they allow to claim."""
