"""A chat template that the recipe names and that is not there."""

from __future__ import annotations

from qwen_recipes.backends.plan import OWN_TEMPLATE, Plan
from qwen_recipes.finding import Finding
from qwen_recipes.recipe.load import LoadedRecipe
from qwen_recipes.recipe.locate import locate_finding


def find_missing_template(plan: Plan, loaded: LoadedRecipe) -> list[Finding]:
    """An error where the plan's template is a file that is not there: nothing could be said of the rows' tokens."""
    file = loaded.folder / plan.chat.template
    own = plan.chat.template == OWN_TEMPLATE
    if plan.chat.official or own or not plan.objective.chat or file.exists():
        return []
    problem = Finding(
        "recipe", "error", f"the chat template {file} does not exist", ("chat", "template"),
        why="a run renders every row with it, and stops without it",
        suggestion="put the file there, or leave `chat.template` out for the model's official one",
    )  # fmt: skip
    return [locate_finding(loaded.document, problem)]
