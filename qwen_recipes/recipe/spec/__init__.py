"""The spec: what may be written in a recipe, as pydantic models."""

from qwen_recipes.recipe.spec.recipe import Recipe

__all__ = ["Recipe"]
