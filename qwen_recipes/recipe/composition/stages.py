"""`stages`: a recipe of several runs, each starting from what the one before wrote.

A stage's recipe is the file with the stage laid over it. Where the stage names no model and no adapter, it starts from
the result of the stage before, or of `from_stage`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from pathlib import Path

from qwen_recipes.finding import Finding, Route, Span
from qwen_recipes.recipe.composition.merge import merge_nodes
from qwen_recipes.recipe.composition.sweep_key import BEST_LINK, SWEEP
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.spec.stages import Merge, Stage
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar
from qwen_recipes.yaml_text.shorthand_fields import SHORTHAND_FIELDS

MAX_STAGES = 50
"""Each is a recipe that is read, resolved and checked."""
_STAGE_KEYS = ("name", "merge", "from_stage")
_MERGE_STAGE_KEYS = (*_STAGE_KEYS, "output", "run")
"""What a stage that merges may say."""
_FILE_KEYS = ("extends", "stages", "version")
"""What a file says once."""
_PIPELINE_KEYS = ("stages", "name", "extends")
"""What stands at the top of the file and belongs to the pipeline alone."""


@dataclass(frozen=True)
class StageDocument:
    """One stage: the recipe that it trains by, or, with `merge`, that of the stage whose adapter is merged.

    `output` is its folder, relative to the recipe; `adapters` are the folders of what is merged, each with its weight.
    """

    name: str
    document: Document
    output: str
    merge: Merge | None = None
    adapters: tuple[tuple[str, float], ...] = ()
    run: Node | None = None
    """The `run` of a stage that merges."""


@dataclass(frozen=True)
class _Result:
    """What a stage leaves: an adapter or a model in a folder, and the recipe that it was trained by."""

    kind: str
    folder: str
    root: Mapping
    model: Node
    """The model that an adapter is for; else the folder as a model."""


def expand_stages(
    document: Document, stages: Items[Stage | None], pipeline: str
) -> tuple[list[StageDocument], list[Finding]]:
    """The stages of a document in order, and all that is wrong with how they belong together.

    None stands for a stage whose own name or merge is invalid, which is left out.
    """
    if len(stages) > MAX_STAGES:
        expander = _StageExpander(document, (), pipeline)
        expander.report_too_many()
        return [], expander.problems
    expander = _StageExpander(document, stages, pipeline)
    return expander.expand(), expander.problems


class _StageExpander:
    """Lays the stages of one file over it, one after another."""

    def __init__(self, document: Document, stages: Items[Stage | None], pipeline: str) -> None:
        assert isinstance(document.root, Mapping)
        self.document, self.pipeline = document, pipeline
        self.stages = {index: stage for index, stage in enumerate(stages) if stage is not None}
        self.common = _leave_out(document.root, _PIPELINE_KEYS)
        self.folder = _get_text(self.common, ("output", "dir")) or f"runs/{pipeline}"
        self.results: dict[str, _Result] = {}
        self.problems: list[Finding] = []

    def expand(self) -> list[StageDocument]:
        """Every stage that can be made."""
        self._check_keys()
        self._check_names()
        made = {index: self._expand_stage(index, stage) for index, stage in self.stages.items()}
        found = {index: stage for index, stage in made.items() if stage is not None}
        self._check_folders(found)
        return list(found.values())

    def report_too_many(self) -> None:
        """Add the problem that there are more than MAX_STAGES."""
        message = f"too many stages: a recipe may have at most {MAX_STAGES}"
        self._add(("stages", MAX_STAGES), message, "split it into several recipes")

    def _check_keys(self) -> None:
        """Refuse what belongs to the whole file, and would be dropped."""
        for index in self.stages:
            for key in (key for key in _FILE_KEYS if key in self._get_entry(index).entries):
                message = f"`{key}` applies to the whole recipe, not to a stage"
                self._add(("stages", index, key), message, f"move `{key}` to the top of the file", key=True)

    def _check_names(self) -> None:
        earlier: list[str] = []
        names = [stage.name for stage in self.stages.values()]
        for index, stage in self.stages.items():
            if stage.name in earlier:
                self._add(("stages", index, "name"), f"two stages are named `{stage.name}`", "rename one of them")
            for route, name in self._list_references(index, stage):
                if name in names and (loop := self._find_loop(name, stage.name)):
                    self._add(route, f"stages start from each other: {' → '.join(loop)}", "remove one of these")
                elif name in names and name not in earlier:
                    self._add(
                        route, f"stage `{name}` comes after `{stage.name}`", f"move `{name}` before `{stage.name}`"
                    )
                elif name not in names and route[-1] == "from_stage":
                    self._add(route, f"there is no stage `{name}`", f"one of {', '.join(names)}")
            earlier.append(stage.name)

    def _list_references(self, index: int, stage: Stage) -> list[tuple[Route, str]]:
        found: list[tuple[Route, str]] = []
        if stage.from_stage is not None:
            found.append((("stages", index, "from_stage"), stage.from_stage))
        for number, adapter in enumerate((stage.merge and stage.merge.adapters) or []):
            found.append((("stages", index, "merge", "adapters", number), adapter.adapter))
        return found

    def _find_loop(self, start: str, end: str) -> list[str]:
        """The names from `end` over `start` back to `end`, where each starts from the next."""
        if start == end:
            return [end, end]
        paths, seen = [[end, start]], {start}
        by_name = {stage.name: (index, stage) for index, stage in self.stages.items()}
        while paths:
            path = paths.pop()
            for _, name in self._list_references(*by_name[path[-1]]):
                if name == end:
                    return [*path, end]
                if name not in seen and name in by_name:
                    seen.add(name)
                    paths.append([*path, name])
        return []

    def _expand_stage(self, index: int, stage: Stage) -> StageDocument | None:
        found = self._expand_merge(index, stage) if stage.merge else self._expand_training(index, stage)
        return found

    def _get_entry(self, index: int) -> Mapping:
        entry = self.document.find_node(("stages", index))
        assert isinstance(entry, Mapping)
        return entry

    def _find_source(self, index: int, stage: Stage) -> _Result | None:
        """What the stage starts from; None for the first, and where the stage it starts from has an error."""
        if stage.from_stage is not None:
            return self.results.get(stage.from_stage)
        before = self.stages.get(index - 1)
        return self.results.get(before.name) if before else None

    def _expand_training(self, index: int, stage: Stage) -> StageDocument:
        overlay = _leave_out(self._get_entry(index), _STAGE_KEYS)
        common, output = self._remove_inherited(index, overlay)
        root = merge_nodes(common, overlay)
        assert isinstance(root, Mapping)
        source = self._find_source(index, stage)
        if source is not None and self._starts_from_source(index, stage, overlay):
            root = self._start_from(index, source, root, overlay)
        span = self._get_entry(index).entries["name"].span
        root = _put(root, ("name",), _make_scalar(span, f"{self.pipeline}-{stage.name}"))
        if _get_text(root, ("output", "dir")) != output:
            root = _put(root, ("output", "dir"), _make_scalar(span, output))
        left = f"{output}/{BEST_LINK}" if SWEEP in root.entries else output
        self.results[stage.name] = _make_result(root, left)
        layers = (*self.document.layers, (f"stage {stage.name}", _get_item_span(self.document, index)))
        return StageDocument(stage.name, replace(self.document, root=root, layers=layers), output)

    def _remove_inherited(self, index: int, overlay: Mapping) -> tuple[Mapping, str]:
        """The file's part without what is not for this stage, and the stage's output folder.

        The adapter that the pipeline starts from is for the first stage; the repository that it pushes to for the last.
        """
        common = self.common if index == 0 else _remove(self.common, ("method", "start_from"))
        if any(stage.merge is None for later, stage in self.stages.items() if later > index):
            common = _remove(common, ("output", "hub"))
        own = _get_text(overlay, ("output", "dir"))
        return common, own or f"{self.folder.rstrip('/')}/{self.stages[index].name}"

    def _starts_from_source(self, index: int, stage: Stage, overlay: Mapping) -> bool:
        """Whether the stage names nothing to start from; both that and `from_stage` is an error."""
        own = [route for route in (("model",), ("method", "start_from")) if _find(overlay, route) is not None]
        if own and stage.from_stage is not None:
            name = ".".join(own[0])
            self._add(
                ("stages", index, "from_stage"),
                f"stage `{stage.name}` has both `from_stage` and `{name}`",
                "keep one of them",
            )
        return not own

    def _start_from(self, index: int, source: _Result, root: Mapping, overlay: Mapping) -> Mapping:
        entry, name = self._get_entry(index), self.stages[index].name
        span = entry.entries.get("from_stage", entry.entries["name"]).span
        if source.kind == "reward":
            self._add(
                ("stages", index),
                f"stage `{name}` would start from a reward model",
                "set `from_stage`, or `model`, in this stage",
            )
        if source.kind != "adapter":
            return _put(root, ("model",), _make_model_at(span, source.model))
        method = overlay.entries.get("method")
        if method is not None and _get_method(overlay) in ("full", "freeze"):
            self._add(
                ("stages", index, "method"),
                f"stage `{name}` trains the model's own weights, but starts from the adapter in {source.folder}",
                "add a stage that merges it before this one: {name: merge, merge: base}",
            )
            return root
        inherited = source.root.entries.get("method", _make_map(span, type="lora"))
        made = inherited if method is None else merge_nodes(inherited, method, "method")
        root = _put(_put(root, ("method",), made), ("model",), source.model)
        if "quantization" in source.root.entries and "quantization" not in overlay.entries:
            root = _put(root, ("quantization",), source.root.entries["quantization"])
        return _put(root, ("method", "start_from"), _make_scalar(span, source.folder))

    def _expand_merge(self, index: int, stage: Stage) -> StageDocument | None:
        entry, merge = self._get_entry(index), stage.merge
        assert merge is not None
        for key in entry.entries:
            if key not in _MERGE_STAGE_KEYS:
                self._add(
                    ("stages", index, key),
                    f"`{key}` does not apply to stage `{stage.name}`, which merges",
                    "remove it, or give it to a stage that trains",
                    key=True,
                )
        output = _get_text(entry, ("output", "dir")) or f"{self.folder.rstrip('/')}/{stage.name}"
        sources = self._find_adapters(index, stage, merge)
        if not sources:
            return None
        first = sources[0][0]
        self._check_combination(index, stage, merge, len(sources))
        if any(_describe_model(one.model) != _describe_model(first.model) for one, _ in sources):
            self._add(("stages", index, "merge"), "the adapters are for different models", "merge them one by one")
        adapters = tuple((one.folder, weight) for one, weight in sources)
        made = StageDocument(
            stage.name,
            replace(self.document, root=first.root),
            output,
            merge,
            adapters,
            entry.entries.get("run"),
        )
        span = entry.entries["name"].span
        if merge.into == "adapter":
            self.results[stage.name] = _Result("adapter", _mark_as_path(output), first.root, first.model)
        else:
            model = _make_model(span, output, first.model)
            self.results[stage.name] = _Result("model", output, first.root, model)
        return made

    def _find_adapters(self, index: int, stage: Stage, merge: Merge) -> list[tuple[_Result, float]]:
        route: Route = ("stages", index, "merge")
        found: list[tuple[_Result, float]] = []
        asked = [(one.adapter, 1.0 if one.weight is None else one.weight) for one in merge.adapters or []]
        if not asked:
            source = self._find_source(index, stage)
            if source is None and not index:
                self._add(
                    route, f"stage `{stage.name}` has nothing to merge: no stage comes before it", "adapters: […]"
                )
            return [(source, 1.0)] if source is not None and self._check_adapter(route, stage, source) else []
        for number, (name, weight) in enumerate(asked):
            here = (*route, "adapters", number)
            known = any(one.name == name for one in self.stages.values())
            if not known and "/" not in name and not (Path(self.document.file).parent / name).is_dir():
                trainings = ", ".join(one.name for one in self.stages.values() if one.merge is None)
                self._add(here, f"there is no stage or folder `{name}`", f"one of {trainings}")
                continue
            source = self.results.get(name) if known else self._make_outside_result(name)
            if source is not None and self._check_adapter(here, stage, source):
                found.append((source, weight))
        return found

    def _make_outside_result(self, folder: str) -> _Result:
        """An adapter that no stage writes: it is for the pipeline's model."""
        span = self.document.root.span
        model = self.common.entries.get("model", _make_scalar(span, ""))
        return _Result("adapter", folder, self.common, model)

    def _check_adapter(self, route: Route, stage: Stage, source: _Result) -> bool:
        if source.kind != "adapter":
            what = "a reward model" if source.kind == "reward" else "a whole model"
            self._add(
                route,
                f"stage `{stage.name}` has nothing to merge: {source.folder} holds {what}, not an adapter",
                "remove this stage, or name an adapter",
            )
        return source.kind == "adapter"

    def _check_combination(self, index: int, stage: Stage, merge: Merge, count: int) -> None:
        for name, names in COMBINE_FIELDS.items():
            if getattr(merge, name) is not None and merge.combine not in names:
                self._add(
                    ("stages", index, "merge", name),
                    f"`merge.{name}` does not apply to `{merge.combine or 'cat'}`",
                    f"combine: {' or '.join(names)}",
                )
        if count == 1 and merge.combine not in (None, "cat"):
            self._add(
                ("stages", index, "merge", "combine"),
                f"`combine: {merge.combine}` needs several adapters",
                "remove it, or list them under `adapters`",
            )

    def _check_folders(self, documents: dict[int, StageDocument]) -> None:
        taken: dict[str, str] = {}
        for index, stage in documents.items():
            place = os.path.normpath(stage.output)
            for other, name in taken.items():
                shared = place == other or place.startswith(f"{other}/") or other.startswith(f"{place}/")
                if shared and name != stage.name:
                    route: Route = ("stages", index, "output", "dir")
                    route = route if self.document.find_node(route) else ("stages", index, "name")
                    self._add(
                        route,
                        f"stages `{name}` and `{stage.name}` write to one folder: {stage.output}",
                        "give each stage its own `output.dir`, or none",
                    )
            taken.setdefault(place, stage.name)

    def _add(self, route: Route, message: str, suggestion: str, *, key: bool = False) -> None:
        problem = Finding("recipe", "error", message, route, suggestion=suggestion)
        self.problems.append(locate_finding(self.document, problem, key=key))


COMBINE_FIELDS = {
    "rank": ("svd",),
    "density": ("ties", "dare_linear", "dare_ties"),
    "seed": ("dare_linear", "dare_ties"),
}
"""Fields of a merge, and the ways of combining that read them."""


def _get_item_span(document: Document, index: int) -> Span:
    return document.span(("stages", index))


def _make_result(root: Mapping, output: str) -> _Result:
    model = root.entries.get("model", _make_scalar(root.span, ""))
    objective = _get_text(root, ("objective",)) or _get_text(root, ("objective", "type"))
    adapter = _get_method(root) not in ("full", "freeze")
    if objective == "reward" and not adapter:
        return _Result("reward", output, root, model)
    if adapter:
        return _Result("reward" if objective == "reward" else "adapter", _mark_as_path(output), root, model)
    return _Result("model", output, root, _make_model(root.entries["name"].span, output, model))


def _make_model(span: Span, folder: str, origin: Node) -> Mapping:
    """A model in a folder that may not be there yet: it is like the one it was made from."""
    id_, like = _describe_model(origin)
    return _make_map(span, id=_mark_as_path(folder), like=like or id_)


def _make_model_at(span: Span, model: Node) -> Mapping:
    """The model that a stage left, as a value of the stage that starts from it."""
    id_, like = _describe_model(model)
    return _make_map(span, id=id_, like=like)


def _describe_model(model: Node) -> tuple[str, str]:
    """Id and `like` of a model as it is written."""
    if isinstance(model, Scalar):
        return str(model.value or ""), ""
    return _get_text(model, ("id",)), _get_text(model, ("like",))


def _mark_as_path(folder: str) -> str:
    """The folder so that nobody takes it for a repository on the hub."""
    return folder if folder.startswith((".", "/", "~")) or folder.count("/") > 1 else f"./{folder}"


def _get_method(root: Mapping) -> str:
    return _get_text(root, ("method",)) or _get_text(root, ("method", "type")) or "lora"


def _get_text(node: Node, route: Route) -> str:
    found = _find(node, route)
    return str(found.value) if isinstance(found, Scalar) and found.value is not None else ""


def _find(node: Node, route: Route) -> Node | None:
    found: Node | None = node
    for step in route:
        found = found.entries.get(str(step)) if isinstance(found, Mapping) else None
    return found


def _leave_out(root: Mapping, names: Items[str]) -> Mapping:
    entries = {key: node for key, node in root.entries.items() if key not in names}
    return Mapping(root.span, entries, {key: root.keys[key] for key in entries})


def _remove(root: Mapping, route: tuple[str, str]) -> Mapping:
    parent = root.entries.get(route[0])
    if not isinstance(parent, Mapping) or route[1] not in parent.entries:
        return root
    inner = _leave_out(parent, route[1:])
    return _put(root, route[:1], inner) if inner.entries else _leave_out(root, route[:1])


def _put(root: Mapping, route: tuple[str, ...], value: Node) -> Mapping:
    """The map with a value put in; a short form on the way becomes its map."""
    head, rest = route[0], route[1:]
    if rest:
        inner = root.entries.get(head)
        if isinstance(inner, Scalar) and head in SHORTHAND_FIELDS:
            inner = Mapping(inner.span, {SHORTHAND_FIELDS[head]: inner}, {SHORTHAND_FIELDS[head]: inner.span})
        value = _put(inner if isinstance(inner, Mapping) else Mapping(value.span, {}, {}), rest, value)
    keys = {**root.keys, head: root.keys.get(head, value.span)}
    return Mapping(root.span, {**root.entries, head: value}, keys)


def _make_scalar(span: Span, text: str) -> Scalar:
    return Scalar(span, text, text, plain=True)


def _make_map(span: Span, **values: str) -> Mapping:
    return Mapping(span, {key: _make_scalar(span, text) for key, text in values.items()}, dict.fromkeys(values, span))
