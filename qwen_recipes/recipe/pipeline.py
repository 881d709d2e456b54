"""A pipeline: the stages of a recipe's file, each with its own recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from qwen_recipes.finding import Finding, RecipeError, Span
from qwen_recipes.recipe.composition.extends import CompositionError
from qwen_recipes.recipe.composition.paths import fill_in_variables
from qwen_recipes.recipe.composition.stage_documents import MergeInput, StageDocument
from qwen_recipes.recipe.composition.stages import MAX_STAGES, expand_stages
from qwen_recipes.recipe.load import (
    LoadedRecipe,
    has_stages,
    load_recipe,
    read_document,
    validate_recipe_document,
)
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.names import make_name
from qwen_recipes.recipe.overrides import OverrideError, apply_overrides
from qwen_recipes.recipe.read_file import read_recipe_bytes
from qwen_recipes.recipe.spec.stages import Merge, Stage
from qwen_recipes.recipe.trials import LoadedSweep, locate_sweep_problem, make_trials
from qwen_recipes.recipe.validation import validate_document
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

_PIPELINE_FIELDS = ("stages", "name", "output", "model", "extends")
"""Overrides that are for the file as a whole: a stage has its own name, folder and model."""
_MAY_BE_IN_A_BASE = re.compile(r"`(?!stages|sweep).* is missing$")


@dataclass(frozen=True)
class PipelineStage:
    """One stage: its recipe, or, with `merge`, the recipe of the first adapter or model that it merges.

    `output` is the folder that it writes, `inputs` are the adapters or models that it merges, `base` what the models
    came from; folders are relative to the recipe.
    """

    name: str
    loaded: LoadedRecipe
    output: str
    merge: Merge | None = None
    inputs: tuple[MergeInput, ...] = ()
    base: MergeInput | None = None
    sweep: LoadedSweep | None = None
    """The trials of a stage that has a sweep; `loaded` is then the first of them."""

    @property
    def recipes(self) -> list[LoadedRecipe]:
        """Its recipe, or those of its trials."""
        return [trial.loaded for trial in self.sweep.trials] if self.sweep else [self.loaded]


@dataclass(frozen=True)
class Pipeline:
    """The stages of a file, in order."""

    name: str
    document: Document
    folder: Path
    """Relative paths start here."""
    output: str
    """The folder that holds the stages' folders and the pipeline's record, relative to `folder`."""
    stages: tuple[PipelineStage, ...]

    @property
    def trainings(self) -> list[PipelineStage]:
        """The stages that train."""
        return [stage for stage in self.stages if stage.merge is None]


def load_pipeline(file: str, overrides: tuple[str, ...] = ()) -> Pipeline | None:
    """The pipeline in a file; None for a recipe of one run. Raises RecipeReadError, RecipeError."""
    name = "<stdin>" if file == "-" else file
    folder = Path() if file == "-" else Path(file).parent
    return load_pipeline_text(read_recipe_bytes(file), name, folder, overrides)


def load_pipeline_text(
    content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...] = ()
) -> Pipeline | None:
    """As `load_pipeline`, for text: findings call it `name`, relative paths start at `folder`. Raises RecipeError."""
    with find_every_problem(folder):
        document = read_document(content, name, folder, overrides)
    return make_pipeline(document, folder, overrides) if has_stages(document) else None


@contextmanager
def find_every_problem(folder: Path) -> Iterator[None]:
    """Where the inner part raises CompositionError, raise RecipeError with what else is wrong with the recipe, too."""
    try:
        yield
    except CompositionError as error:
        raise RecipeError([*error.findings, *_find_other_problems(error.rest, folder)]) from None


def _find_other_problems(document: Document, folder: Path) -> list[Finding]:
    """What is wrong with a recipe, apart from its bases: one of them may have what is missing."""
    try:
        if has_stages(document):
            make_pipeline(document, folder, ())
        elif not make_trials(document, folder):
            validate_recipe_document(document, folder)
    except RecipeError as error:
        return [finding for finding in error.findings if not _MAY_BE_IN_A_BASE.match(finding.message)]
    return []


def make_pipeline(document: Document, folder: Path, overrides: tuple[str, ...]) -> Pipeline:
    """The pipeline that a document with stages is. Raises RecipeError."""
    stages, problems = _validate_stages(document)
    pipeline = _name_pipeline(document)
    expanded, wrong = expand_stages(document, stages, pipeline)
    later = tuple(text for text in overrides if _get_top_field(text) not in _PIPELINE_FIELDS)
    made = []
    problems |= _index_findings(wrong)
    for stage in expanded:
        try:
            made.append(_load_stage(stage, folder, later))
        except OverrideError:
            raise
        except RecipeError as error:
            problems |= _index_findings(error.findings)
    if problems:
        raise RecipeError(list(problems.values()))
    return Pipeline(pipeline, document, folder, _find_output(document, pipeline), tuple(made))


def load_stage(file: str, overrides: tuple[str, ...], stage: str) -> LoadedRecipe:
    """The recipe of one stage that trains; without a name, of a file without stages. Raises RecipeError."""
    pipeline = load_pipeline(file, overrides) if stage and file != "-" else None
    if not stage:
        with find_every_problem(Path() if file == "-" else Path(file).parent):
            return load_recipe(file, overrides)
    chosen = get_training(pipeline, stage, file)
    if chosen.sweep is not None:
        raise RecipeError(
            [locate_sweep_problem(chosen.sweep, f"stage `{stage}` has a sweep", "one trial is needed here")]
        )
    return chosen.loaded


def get_training(pipeline: Pipeline | None, name: str, file: str) -> PipelineStage:
    """The stage of this name, which trains. Raises RecipeError where there is none."""
    if pipeline is None:
        raise RecipeError([Finding("recipe", "error", f"--stage {name}: this recipe has no stages", file=file)])
    for stage in pipeline.stages:
        if stage.name == name and stage.merge is None:
            return stage
        if stage.name == name:
            _raise_at_stages(pipeline, f"stage `{name}` merges, and has no recipe", "recipes merge")
    _raise_at_stages(
        pipeline, f"there is no stage `{name}`", f"use one of: {', '.join(s.name for s in pipeline.trainings)}"
    )


def _raise_at_stages(pipeline: Pipeline, message: str, suggestion: str) -> NoReturn:
    problem = Finding("recipe", "error", message, ("stages",), suggestion=suggestion)
    raise RecipeError([locate_finding(pipeline.document, problem, key=True)])


def _load_stage(stage: StageDocument, folder: Path, overrides: tuple[str, ...]) -> PipelineStage:
    document = stage.document
    if stage.merge is None:
        document = fill_in_variables(apply_overrides(document, overrides))
    elif stage.run is not None:
        assert isinstance(document.root, Mapping)
        entries = {**document.root.entries, "run": stage.run}
        keys = {**document.root.keys, "run": stage.run.span}
        document = replace(document, root=Mapping(document.root.span, entries, keys))
    sweep = make_trials(document, folder, stage.name) if stage.merge is None else None
    loaded = sweep.trials[0].loaded if sweep else validate_recipe_document(document, folder, stage.name)
    return PipelineStage(stage.name, loaded, stage.output, stage.merge, stage.inputs, stage.base, sweep)


def _index_findings(findings: list[Finding]) -> dict[tuple[object, ...], Finding]:
    """Findings by what makes them the same: stages share parts of the file."""
    return {(f.file, f.span, f.message): f for f in findings}


def _validate_stages(document: Document) -> tuple[list[Stage | None], dict[tuple[object, ...], Finding]]:
    """What each stage says of itself, None where its name or merge is invalid, and every problem of these.

    Raises RecipeError where `stages` is not a list of stages.
    """
    assert isinstance(document.root, Mapping)
    node = document.root.entries["stages"]
    if not isinstance(node, Sequence) or not node.items:
        _validate_skeleton(document, node)
        return [], {}
    stages: list[Stage | None] = []
    problems: dict[tuple[object, ...], Finding] = {}
    items = [_keep_stage_keys(item) for item in node.items[: MAX_STAGES + 1]]
    for index, item in enumerate(items):
        try:
            filler = [_name_filler(item.span)] * index
            stages.append(_validate_skeleton(document, replace(node, items=[*filler, item]))[-1])
        except RecipeError as error:
            problems |= _index_findings(error.findings)
            stages.append(None)
    return stages, problems


def _validate_skeleton(document: Document, stages: Node) -> list[Stage]:
    """Stages, validated in a recipe of which nothing else can be wrong. Raises RecipeError."""
    assert isinstance(document.root, Mapping)
    span = document.root.span
    filler = Mapping(span, {"train": Scalar(span, "x", "x", True)}, {"train": span})
    entries: dict[str, Node] = {
        "version": Scalar(span, 1, "1", True),
        "model": Scalar(span, "x", "x", True),
        "data": filler,
        "stages": stages,
    }
    keys = {**dict.fromkeys(entries, span), "stages": document.root.keys["stages"]}
    found = validate_document(replace(document, root=Mapping(span, entries, keys))).stages
    assert found is not None
    return found


def _name_filler(span: Span) -> Node:
    """A stage before the one that is looked at, so that messages have its position."""
    return Mapping(span, {"name": Scalar(span, "x", "x", True)}, {"name": span})


def _keep_stage_keys(item: Node) -> Node:
    if not isinstance(item, Mapping):
        return item
    entries = {key: node for key, node in item.entries.items() if key in Stage.model_fields}
    return Mapping(item.span, entries, {key: item.keys[key] for key in entries})


def _name_pipeline(document: Document) -> str:
    """The name in the file, or one made of the file's; what a stage's name can't be made of is found there."""
    node = document.find_node(("name",))
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    return "recipe" if document.file == "<stdin>" else make_name(Path(document.file).name)


def _find_output(document: Document, name: str) -> str:
    node = document.find_node(("output", "dir"))
    return str(node.value) if isinstance(node, Scalar) and node.value else f"runs/{name}"


def _get_top_field(override: str) -> str:
    return override.partition("=")[0].partition(".")[0].partition("[")[0].strip()
