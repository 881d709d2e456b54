"""Stages that train: the file with the stage laid over it, starting from what a stage before left."""

from __future__ import annotations

from dataclasses import replace

from qwen_recipes.recipe.composition.merge import merge_nodes
from qwen_recipes.recipe.composition.node_edits import (
    find_inner,
    get_text,
    leave_out,
    make_map,
    make_scalar,
    put_inner,
    remove_inner,
)
from qwen_recipes.recipe.composition.stage_documents import StageDocument
from qwen_recipes.recipe.composition.stage_expansion import STAGE_KEYS, StageExpansion
from qwen_recipes.recipe.composition.stage_results import StageResult, get_method, make_model_at, make_result
from qwen_recipes.recipe.composition.sweep_key import BEST_LINK, SWEEP
from qwen_recipes.recipe.spec.stages import Stage
from qwen_recipes.yaml_text.nodes import Mapping


def expand_training(expansion: StageExpansion, index: int, stage: Stage) -> StageDocument:
    """The recipe of a stage that trains; what it leaves is noted for later stages."""
    entry = expansion.get_entry(index)
    overlay = leave_out(entry, STAGE_KEYS)
    output = get_text(overlay, ("output", "dir")) or f"{expansion.folder}/{stage.name}"
    root = merge_nodes(_remove_inherited(expansion, index), overlay)
    assert isinstance(root, Mapping)
    source = expansion.find_source(index, stage)
    if source is not None and _starts_from_source(expansion, index, stage, overlay):
        root = _start_from(expansion, index, source, root, overlay)
    span = entry.entries["name"].span
    root = put_inner(root, ("name",), make_scalar(span, f"{expansion.pipeline}-{stage.name}"))
    if get_text(root, ("output", "dir")) != output:
        root = put_inner(root, ("output", "dir"), make_scalar(span, output))
    left = f"{output}/{BEST_LINK}" if SWEEP in root.entries else output
    expansion.results[stage.name] = make_result(root, left)
    document = expansion.document
    layers = (*document.layers, (f"stage {stage.name}", document.span(("stages", index))))
    return StageDocument(stage.name, replace(document, root=root, layers=layers), output)


def _remove_inherited(expansion: StageExpansion, index: int) -> Mapping:
    """The file's part without what is not for this stage.

    The adapter that the pipeline starts from is for the first stage; the repository that it pushes to for the last.
    """
    common = expansion.common
    if index > 0:
        for name in ("start_from", "start_from_revision"):
            common = remove_inner(common, ("method", name))
    if any(stage.merge is None for later, stage in expansion.stages.items() if later > index):
        common = remove_inner(common, ("output", "hub"))
    return common


def _starts_from_source(expansion: StageExpansion, index: int, stage: Stage, overlay: Mapping) -> bool:
    """Whether the stage names nothing to start from; both that and `from_stage` is an error."""
    own = [route for route in (("model",), ("method", "start_from")) if find_inner(overlay, route) is not None]
    if own and stage.from_stage is not None:
        name = ".".join(own[0])
        expansion.report(
            ("stages", index, "from_stage"),
            f"stage `{stage.name}` has both `from_stage` and `{name}`",
            "keep one of them",
        )
    return not own


def _start_from(expansion: StageExpansion, index: int, source: StageResult, root: Mapping, overlay: Mapping) -> Mapping:
    """The stage's recipe with the model, or the adapter and its model, that another stage left."""
    entry, name = expansion.get_entry(index), expansion.stages[index].name
    span = entry.entries.get("from_stage", entry.entries["name"]).span
    if source.kind == "reward":
        expansion.report(
            ("stages", index),
            f"stage `{name}` would start from a reward model",
            "set `from_stage`, or `model`, in this stage",
        )
    if source.kind != "adapter":
        return put_inner(root, ("model",), make_model_at(span, source.model))
    method = overlay.entries.get("method")
    if method is not None and get_method(overlay) in ("full", "freeze"):
        expansion.report(
            ("stages", index, "method"),
            f"stage `{name}` trains the model's own weights, but starts from the adapter in {source.folder}",
            "add a stage that merges it before this one: {name: merge, merge: base}",
        )
        return root
    inherited = source.root.entries.get("method", make_map(span, type="lora"))
    made = inherited if method is None else merge_nodes(inherited, method, "method")
    root = put_inner(put_inner(root, ("method",), made), ("model",), source.model)
    if "quantization" in source.root.entries and "quantization" not in overlay.entries:
        root = put_inner(root, ("quantization",), source.root.entries["quantization"])
    return put_inner(root, ("method", "start_from"), make_scalar(span, source.folder))
