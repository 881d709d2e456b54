"""The parts of a recipe as plain objects, each field typed: what everything works with but the spec's own errors."""

from qwen_recipes.recipe.parts.recipe import Recipe

__all__ = ["Recipe"]
