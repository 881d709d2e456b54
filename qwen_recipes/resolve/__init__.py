"""Intent to a fully explicit plan: every default chosen here, with its reason."""

from qwen_recipes.resolve.resolve import resolve

__all__ = ["resolve"]
