"""`stages`: a recipe of several runs, each starting from what the one before wrote.

A stage's recipe is the file with the stage laid over it. Where the stage names no model and no adapter, it starts from
the result of the stage before, or of `from_stage`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as ByIndex
from collections.abc import Sequence as Items

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.composition.stage_documents import StageDocument
from qwen_recipes.recipe.composition.stage_expansion import StageExpansion
from qwen_recipes.recipe.composition.stage_merges import expand_merge
from qwen_recipes.recipe.composition.stage_names import find_name_problems
from qwen_recipes.recipe.composition.stage_trainings import expand_training
from qwen_recipes.recipe.spec.stages import Stage
from qwen_recipes.yaml_text.nodes import Document

MAX_STAGES = 50
"""Each is a recipe that is read, resolved and checked."""
_FILE_KEYS = ("extends", "stages", "version")
"""What a file says once."""


def expand_stages(
    document: Document, stages: Items[Stage | None], pipeline: str
) -> tuple[list[StageDocument], list[Finding]]:
    """The stages of a document in order, and all that is wrong with how they belong together.

    None stands for a stage whose own name or merge is invalid, which is left out.
    """
    if len(stages) > MAX_STAGES:
        expansion = StageExpansion(document, (), pipeline)
        message = f"too many stages: a recipe may have at most {MAX_STAGES}"
        expansion.report(("stages", MAX_STAGES), message, "split it into several recipes")
        return [], expansion.problems
    expansion = StageExpansion(document, stages, pipeline)
    _check_keys(expansion)
    for problem in find_name_problems(expansion.stages):
        expansion.report(*problem)
    made = {
        index: (expand_merge if stage.merge else expand_training)(expansion, index, stage)
        for index, stage in expansion.stages.items()
    }
    found = {index: stage for index, stage in made.items() if stage is not None}
    _check_folders(expansion, found)
    if found and len(found) == len(expansion.stages) and all(stage.merge for stage in found.values()):
        expansion.report(("stages",), "no stage trains", "`recipes merge` merges what is there", key=True)
    return list(found.values()), expansion.problems


def _check_keys(expansion: StageExpansion) -> None:
    """Refuse what belongs to the whole file, and would be dropped."""
    for index in expansion.stages:
        for key in (key for key in _FILE_KEYS if key in expansion.get_entry(index).entries):
            message = f"`{key}` applies to the whole recipe, not to a stage"
            expansion.report(("stages", index, key), message, f"move `{key}` to the top of the file", key=True)


def _check_folders(expansion: StageExpansion, documents: ByIndex[int, StageDocument]) -> None:
    """Refuse stages that write to one folder, or one into another's."""
    taken: dict[str, str] = {}
    for index, stage in documents.items():
        place = os.path.normpath(stage.output)
        for name in (name for other, name in taken.items() if name != stage.name and _overlap(place, other)):
            route: Route = ("stages", index, "output", "dir")
            expansion.report(
                route if expansion.document.find_node(route) else ("stages", index, "name"),
                f"stages `{name}` and `{stage.name}` write to one folder: {stage.output}",
                "give each stage its own `output.dir`, or none",
            )
        taken.setdefault(place, stage.name)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
