"""An honest reading of a published board."""
