"""What a person writes: the spec's models, loading, overrides, cross-field checks, its JSON Schema."""
