"""Rows made ready by a person's wish: converted, split, cleaned, deduplicated, mixed and held out."""
