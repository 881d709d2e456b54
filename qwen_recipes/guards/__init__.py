"""Guards: what is known to go wrong with Qwen3, one rule a file."""

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.guards.catalog import (
    get_guard_module,
    list_guard_codes,
    load_guard,
    load_guards,
    load_recipe_guards,
)
from qwen_recipes.guards.runner import run_guards

__all__ = [
    "Fix",
    "Guard",
    "GuardContext",
    "Violation",
    "get_guard_module",
    "list_guard_codes",
    "load_guard",
    "load_guards",
    "load_recipe_guards",
    "run_guards",
]
