"""The tables that cross a boundary."""
