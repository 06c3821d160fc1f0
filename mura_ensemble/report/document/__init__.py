"""Blocks, columns and numbers; HTML, Markdown, LaTeX and folders."""
