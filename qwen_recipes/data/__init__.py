"""Rows: check, prepare, and what each token's label is."""
