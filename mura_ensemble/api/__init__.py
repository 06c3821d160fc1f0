"""What a notebook types: arrays, Series and frames in, objects that show themselves out."""
