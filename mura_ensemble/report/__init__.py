"""Finished results to documents: pages, tables, figures, folders."""
