"""What a stage leaves for later stages: an adapter or a model in a folder, and the recipe that it was trained by."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.finding import Span
from qwen_recipes.recipe.composition.node_edits import get_text, make_map, make_scalar
from qwen_recipes.yaml_text.nodes import Mapping, Node, Scalar


@dataclass(frozen=True)
class StageResult:
    """An adapter or a model in a folder; `kind` is `adapter`, `model` or `reward`."""

    kind: str
    folder: str
    root: Mapping
    model: Node
    """The model that an adapter is for; else the folder as a model."""


def make_result(root: Mapping, output: str) -> StageResult:
    """What a stage that trains by this recipe leaves in `output`."""
    model = root.entries.get("model", make_scalar(root.span, ""))
    objective = get_text(root, ("objective",)) or get_text(root, ("objective", "type"))
    adapter = get_method(root) not in ("full", "freeze")
    if objective == "reward" and not adapter:
        return StageResult("reward", output, root, model)
    if adapter:
        return StageResult("reward" if objective == "reward" else "adapter", mark_as_path(output), root, model)
    return StageResult("model", output, root, make_model(root.entries["name"].span, output, model))


def make_model(span: Span, folder: str, origin: Node) -> Mapping:
    """A model in a folder that may not be there yet: it is like the one it was made from."""
    id_, like = describe_model(origin)
    return make_map(span, id=mark_as_path(folder), like=like or id_)


def make_model_at(span: Span, model: Node) -> Mapping:
    """The model that a stage left, as a value of the stage that starts from it."""
    id_, like = describe_model(model)
    return make_map(span, id=id_, like=like)


def describe_model(model: Node) -> tuple[str, str]:
    """Id and `like` of a model as it is written."""
    if isinstance(model, Scalar):
        return str(model.value or ""), ""
    return get_text(model, ("id",)), get_text(model, ("like",))


def mark_as_path(folder: str) -> str:
    """The folder so that nobody takes it for a repository on the hub."""
    return folder if folder.startswith((".", "/", "~")) or folder.count("/") > 1 else f"./{folder}"


def get_method(root: Mapping) -> str:
    """The method of a recipe as it is written, or the default."""
    return get_text(root, ("method",)) or get_text(root, ("method", "type")) or "lora"
