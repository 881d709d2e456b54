"""The Python API; `qwen_recipes` has its public names."""
