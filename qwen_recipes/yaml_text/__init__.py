"""YAML with line and column for every value, and edits that keep comments."""
