"""qwen-recipes: a config compiler for fine-tuning Qwen3 models.

From Python: `from qwen_recipes import Recipe, lint, plan, compile_recipe, run`. Nothing is loaded before it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qwen_recipes.api.compiling import CompiledFiles, compile_recipe
    from qwen_recipes.api.findings import Findings, lint
    from qwen_recipes.api.plans import RecipePlan, plan
    from qwen_recipes.api.recipe import Recipe
    from qwen_recipes.api.running import FinishedRun, PreflightError, run
    from qwen_recipes.finding import Finding, RecipeError

__version__ = "0.1.0"
__all__ = [
    "CompiledFiles",
    "Finding",
    "Findings",
    "FinishedRun",
    "PreflightError",
    "Recipe",
    "RecipeError",
    "RecipePlan",
    "compile_recipe",
    "lint",
    "plan",
    "run",
]
_MODULES = {
    "CompiledFiles": "api.compiling",
    "compile_recipe": "api.compiling",
    "Finding": "finding",
    "RecipeError": "finding",
    "Findings": "api.findings",
    "lint": "api.findings",
    "RecipePlan": "api.plans",
    "plan": "api.plans",
    "Recipe": "api.recipe",
    "FinishedRun": "api.running",
    "PreflightError": "api.running",
    "run": "api.running",
}
"""Where each public name is."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
