"""Intent to a fully explicit plan: every default chosen here, with its reason."""

from qwen_recipes.resolve.backend_recipe import BackendRecipe
from qwen_recipes.resolve.resolve import resolve

__all__ = ["BackendRecipe", "resolve"]
