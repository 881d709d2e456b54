"""What a person writes: the spec's models, YAML read with line and column, its JSON Schema."""
