"""Readers against a gold standard: panels, designs, figures of merit."""
