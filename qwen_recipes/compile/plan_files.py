"""The files of a plan that was changed after its recipe was compiled, such as one for a probe on a CPU."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.compiler import REWARDS_JSON, ROWS_JSON
from qwen_recipes.compile.extra_keys import append_extra_keys, join_values
from qwen_recipes.compile.render import Renderer, make_recipe_path
from qwen_recipes.compile.validate_output import parse_output
from qwen_recipes.compile.value_formats import remove_marks
from qwen_recipes.recipe.load import LoadedRecipe


def render_plan_files(plan: Plan, backend: Backend, folder: Path, loaded: LoadedRecipe) -> dict[str, str]:
    """The files of `plan` as they would stand in `folder`, by name; no guard and no schema looks at them.

    Raises NoNativeValueError where the backend has no word for a value.
    """
    renderer = Renderer(plan, backend, make_recipe_path(folder, loaded), loaded.folder)
    files = renderer.get_copied_files()
    shared = [ROWS_JSON, REWARDS_JSON] if plan.objective.rewards else [ROWS_JSON]
    for output in [*backend.list_output_files(plan), *shared]:
        text = renderer.render(output)
        if output.config:
            extra = join_values(plan.extra, parse_output(output, text), backend.joined_lists)
            text = append_extra_keys(text, extra, backend.name)
        files[output.name] = remove_marks(text)
    return files
