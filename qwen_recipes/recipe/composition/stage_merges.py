"""Stages that merge what stages before them left, or what lies in folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qwen_recipes.finding import Route
from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, find_merge_problems
from qwen_recipes.recipe.composition.node_edits import get_text, make_scalar
from qwen_recipes.recipe.composition.stage_documents import MergeInput, StageDocument
from qwen_recipes.recipe.composition.stage_expansion import STAGE_KEYS, StageExpansion
from qwen_recipes.recipe.composition.stage_names import list_named_inputs
from qwen_recipes.recipe.composition.stage_results import StageResult, describe_model, make_model, mark_as_path
from qwen_recipes.recipe.spec.stages import Merge, Stage

_MERGE_STAGE_KEYS = (*STAGE_KEYS, "output", "run")
"""What a stage that merges may say."""


def expand_merge(expansion: StageExpansion, index: int, stage: Stage) -> StageDocument | None:
    """A stage that merges; None where nothing that it merges is known. What it leaves is noted for later stages."""
    entry, merge = expansion.get_entry(index), stage.merge
    assert merge is not None
    _check_keys(expansion, index, stage)
    output = get_text(entry, ("output", "dir")) or f"{expansion.folder}/{stage.name}"
    sources = _find_inputs(expansion, index, stage, merge)
    for field, message, suggestion in find_merge_problems(merge, len(sources)):
        expansion.report(("stages", index, "merge", field), message, suggestion)
    base = _find_base(expansion, index, stage, merge)
    if not sources:
        return None
    first = sources[0][0]
    if merge.models is None and len({describe_model(one.model) for one, _ in sources}) > 1:
        expansion.report(("stages", index, "merge"), "the adapters are for different models", "merge them one by one")
    if merge.into == "adapter":
        result = StageResult("adapter", mark_as_path(output), first.root, first.model)
    else:
        result = StageResult("model", output, first.root, make_model(entry.entries["name"].span, output, first.model))
    expansion.results[stage.name] = result
    document, inputs = replace(expansion.document, root=first.root), tuple(one for _, one in sources)
    return StageDocument(stage.name, document, output, merge, inputs, base, entry.entries.get("run"))


def _check_keys(expansion: StageExpansion, index: int, stage: Stage) -> None:
    for key in expansion.get_entry(index).entries:
        if key not in _MERGE_STAGE_KEYS:
            expansion.report(
                ("stages", index, key),
                f"`{key}` does not apply to stage `{stage.name}`, which merges",
                "remove it, or give it to a stage that trains",
                key=True,
            )


def _find_inputs(
    expansion: StageExpansion, index: int, stage: Stage, merge: Merge
) -> list[tuple[StageResult, MergeInput]]:
    """What is merged, as far as it is known, each with its weight."""
    named = list_named_inputs(index, merge)
    if not named:
        return _find_previous(expansion, index, stage)
    if stage.from_stage is not None:
        field = "models" if merge.models is not None else "adapters"
        expansion.report(
            ("stages", index, "from_stage"),
            f"stage `{stage.name}` has both `from_stage` and `merge.{field}`",
            "keep one of them",
        )
    kind = "adapter" if merge.models is None else "model"
    found = []
    for here, name, weight in named:
        source = _find_result(expansion, here, name, kind)
        if source is not None and _check_kind(expansion, here, stage, source, kind):
            found.append((source, _make_input(source, weight, here)))
    return found


def _find_previous(expansion: StageExpansion, index: int, stage: Stage) -> list[tuple[StageResult, MergeInput]]:
    """What is merged where the merge names nothing: the adapter that the stage starts from."""
    route: Route = ("stages", index, "merge")
    source = expansion.find_source(index, stage)
    if source is None and not index:
        message = f"stage `{stage.name}` has nothing to merge: no stage comes before it"
        expansion.report(route, message, "adapters: […]")
    if source is None or not _check_kind(expansion, route, stage, source, "adapter"):
        return []
    return [(source, _make_input(source, 1.0, route))]


def _find_result(expansion: StageExpansion, route: Route, name: str, kind: str) -> StageResult | None:
    """What a stage leaves, or what lies in a folder; None where its stage has an error."""
    if expansion.has_stage(name):
        return expansion.results.get(name)
    if "/" in name or (Path(expansion.document.file).parent / name).is_dir():
        return _make_outside_result(expansion, name, kind)
    names = ", ".join(name for name, result in expansion.results.items() if result.kind == kind) or "a folder"
    expansion.report(route, f"there is no stage or folder `{name}`", f"use one of: {names}")
    return None


def _make_outside_result(expansion: StageExpansion, folder: str, kind: str) -> StageResult:
    """What no stage writes: an adapter for the pipeline's model, or a model that is like it."""
    span = expansion.document.root.span
    model = expansion.common.entries.get("model", make_scalar(span, ""))
    return StageResult(kind, folder, expansion.common, model if kind == "adapter" else make_model(span, folder, model))


def _find_base(expansion: StageExpansion, index: int, stage: Stage, merge: Merge) -> MergeInput | None:
    """What the models of a merge were trained from; None where the merge needs no base, or it has an error."""
    if merge.models is None or merge.combine not in COMBINE_FIELDS["base"]:
        return None
    route: Route = ("stages", index, "merge", "base")
    if merge.base is None:
        return _find_common_base(expansion, index, merge)
    if not expansion.has_stage(merge.base):
        return MergeInput(merge.base, 1.0, (merge.base, ""), route)
    source = expansion.results.get(merge.base)
    if source is None or not _check_kind(expansion, route, stage, source, "model"):
        return None
    return _make_input(source, 1.0, route)


def _find_common_base(expansion: StageExpansion, index: int, merge: Merge) -> MergeInput | None:
    """The model at the top of the file; None, which is an error, where there is none."""
    common = expansion.common
    id_, like = describe_model(common.entries.get("model", make_scalar(expansion.document.root.span, "")))
    if not id_:
        message = f"`combine: {merge.combine}` needs the model that these were trained from"
        expansion.report(("stages", index, "merge", "combine"), message, "base: Qwen/Qwen3-4B")
        return None
    revision = get_text(common, ("model", "revision"))
    return MergeInput(f"{id_}@{revision}" if revision else id_, 1.0, (id_, like), ("model",))


def _check_kind(expansion: StageExpansion, route: Route, stage: Stage, source: StageResult, kind: str) -> bool:
    if source.kind != kind:
        holds = {"reward": "a reward model", "model": "a whole model", "adapter": "an adapter"}[source.kind]
        wanted = "an adapter" if kind == "adapter" else "a whole model"
        expansion.report(
            route,
            f"stage `{stage.name}` has nothing to merge: {source.folder} holds {holds}, not {wanted}",
            "remove this stage, or name an adapter"
            if kind == "adapter"
            else "merge the adapter into its base in a stage before this one: {name: merged, merge: base}",
        )
    return source.kind == kind


def _make_input(source: StageResult, weight: float, route: Route) -> MergeInput:
    return MergeInput(source.folder, weight, describe_model(source.model), route)
