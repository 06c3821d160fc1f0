"""Files of views as tensors."""
