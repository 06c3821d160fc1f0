"""Views to studies."""
