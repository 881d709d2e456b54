"""The files of a plan that was changed after its recipe was compiled, such as one for a probe on a CPU."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile.compiler import REWARDS_JSON, ROWS_JSON
from qwen_recipes.compile.extra_keys import append_extra_keys
from qwen_recipes.compile.render import Renderer, make_relative_paths
from qwen_recipes.compile.value_formats import remove_marks


def render_plan_files(plan: Plan, backend: Backend, folder: Path, recipe_folder: Path) -> dict[str, str]:
    """The files of `plan` as they would stand in `folder`, by name; no guard and no schema looks at them.

    Raises NoNativeValueError where the backend has no word for a value.
    """
    renderer = Renderer(plan, backend, make_relative_paths(folder, recipe_folder))
    files = renderer.get_copied_files()
    shared = [ROWS_JSON, REWARDS_JSON] if plan.objective.rewards else [ROWS_JSON]
    for output in [*backend.list_output_files(plan), *shared]:
        text = renderer.render(output)
        if output.config:
            text = append_extra_keys(text, plan.extra, backend.name)
        files[output.name] = remove_marks(text)
    return files
