"""What is known while the stages of a file are laid over it, one after another."""

from __future__ import annotations

from collections.abc import Sequence as Items

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.composition.node_edits import get_text, leave_out
from qwen_recipes.recipe.composition.stage_results import StageResult
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.spec.stages import Stage
from qwen_recipes.yaml_text.nodes import Document, Mapping

STAGE_KEYS = ("name", "merge", "from_stage")
"""What only a stage says."""
_PIPELINE_KEYS = ("stages", "name", "extends")
"""What stands at the top of the file and belongs to the pipeline alone."""


class StageExpansion:
    """The stages by their place in the file, what those before leave, and what is wrong.

    `common` is the file's part that all stages share, `folder` where they write.
    """

    def __init__(self, document: Document, stages: Items[Stage | None], pipeline: str) -> None:
        assert isinstance(document.root, Mapping)
        self.document, self.pipeline = document, pipeline
        self.stages = {index: stage for index, stage in enumerate(stages) if stage is not None}
        self.common = leave_out(document.root, _PIPELINE_KEYS)
        self.folder = (get_text(self.common, ("output", "dir")) or f"runs/{pipeline}").rstrip("/")
        self.results: dict[str, StageResult] = {}
        self.problems: list[Finding] = []

    def get_entry(self, index: int) -> Mapping:
        """A stage as it is written."""
        entry = self.document.find_node(("stages", index))
        assert isinstance(entry, Mapping)
        return entry

    def has_stage(self, name: str) -> bool:
        """Whether a stage has this name."""
        return any(stage.name == name for stage in self.stages.values())

    def find_source(self, index: int, stage: Stage) -> StageResult | None:
        """What the stage starts from; None for the first, and where the stage it starts from has an error."""
        if stage.from_stage is not None:
            return self.results.get(stage.from_stage)
        before = self.stages.get(index - 1)
        return self.results.get(before.name) if before else None

    def report(self, route: Route, message: str, suggestion: str, *, key: bool = False) -> None:
        """Add a problem at its line: of the value there, or with `key` of its key."""
        problem = Finding("recipe", "error", message, route, suggestion=suggestion)
        self.problems.append(locate_finding(self.document, problem, key=key))
