"""A user's copy of MURA, and its file contract."""
