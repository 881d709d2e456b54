"""A recipe made of several files: `extends`, presets, and paths with environment variables."""
