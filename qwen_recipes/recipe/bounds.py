"""Bounds that both the spec and the resolver speak of."""

MAX_BATCH = 1_000_000
"""Sequences per optimizer step."""
