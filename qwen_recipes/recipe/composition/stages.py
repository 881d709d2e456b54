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
from qwen_recipes.recipe.composition.merge_options import COMBINE_FIELDS, find_merge_problems
from qwen_recipes.recipe.composition.node_edits import (
    find_inner,
    get_text,
    leave_out,
    make_map,
    make_scalar,
    put_inner,
    remove_inner,
)
from qwen_recipes.recipe.composition.sweep_key import BEST_LINK, SWEEP
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.spec.stages import Merge, Stage
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar

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
class MergeInput:
    """An adapter or a model of a merge: its folder, or a base's hub id, its weight, and where it is written."""

    folder: str
    weight: float
    model: tuple[str, str]
    """Id and `like` of the model that an adapter is for, or that a model is."""
    route: Route


@dataclass(frozen=True)
class StageDocument:
    """One stage: the recipe that it trains by, or, with `merge`, that of the first stage whose result is merged.

    `output` is its folder, relative to the recipe; `inputs` are what is merged, `base` what the models came from.
    """

    name: str
    document: Document
    output: str
    merge: Merge | None = None
    inputs: tuple[MergeInput, ...] = ()
    base: MergeInput | None = None
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
        self.common = leave_out(document.root, _PIPELINE_KEYS)
        self.folder = get_text(self.common, ("output", "dir")) or f"runs/{pipeline}"
        self.results: dict[str, _Result] = {}
        self.problems: list[Finding] = []

    def expand(self) -> list[StageDocument]:
        """Every stage that can be made."""
        self._check_keys()
        self._check_names()
        made = {index: self._expand_stage(index, stage) for index, stage in self.stages.items()}
        found = {index: stage for index, stage in made.items() if stage is not None}
        self._check_folders(found)
        if found and len(found) == len(self.stages) and all(stage.merge for stage in found.values()):
            self._add(("stages",), "no stage trains", "`recipes merge` merges what is there", key=True)
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
                    self._add(route, f"there is no stage `{name}`", f"use one of: {', '.join(dict.fromkeys(names))}")
            earlier.append(stage.name)

    def _list_references(self, index: int, stage: Stage) -> list[tuple[Route, str]]:
        found: list[tuple[Route, str]] = []
        if stage.from_stage is not None:
            found.append((("stages", index, "from_stage"), stage.from_stage))
        if stage.merge is not None:
            found += [(route, name) for route, name, _ in _list_named_inputs(index, stage.merge)]
            if stage.merge.base is not None:
                found.append((("stages", index, "merge", "base"), stage.merge.base))
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
        overlay = leave_out(self._get_entry(index), _STAGE_KEYS)
        common, output = self._remove_inherited(index, overlay)
        root = merge_nodes(common, overlay)
        assert isinstance(root, Mapping)
        source = self._find_source(index, stage)
        if source is not None and self._starts_from_source(index, stage, overlay):
            root = self._start_from(index, source, root, overlay)
        span = self._get_entry(index).entries["name"].span
        root = put_inner(root, ("name",), make_scalar(span, f"{self.pipeline}-{stage.name}"))
        if get_text(root, ("output", "dir")) != output:
            root = put_inner(root, ("output", "dir"), make_scalar(span, output))
        left = f"{output}/{BEST_LINK}" if SWEEP in root.entries else output
        self.results[stage.name] = _make_result(root, left)
        layers = (*self.document.layers, (f"stage {stage.name}", _get_item_span(self.document, index)))
        return StageDocument(stage.name, replace(self.document, root=root, layers=layers), output)

    def _remove_inherited(self, index: int, overlay: Mapping) -> tuple[Mapping, str]:
        """The file's part without what is not for this stage, and the stage's output folder.

        The adapter that the pipeline starts from is for the first stage; the repository that it pushes to for the last.
        """
        common = self.common
        if index > 0:
            for name in ("start_from", "start_from_revision"):
                common = remove_inner(common, ("method", name))
        if any(stage.merge is None for later, stage in self.stages.items() if later > index):
            common = remove_inner(common, ("output", "hub"))
        own = get_text(overlay, ("output", "dir"))
        return common, own or f"{self.folder.rstrip('/')}/{self.stages[index].name}"

    def _starts_from_source(self, index: int, stage: Stage, overlay: Mapping) -> bool:
        """Whether the stage names nothing to start from; both that and `from_stage` is an error."""
        own = [route for route in (("model",), ("method", "start_from")) if find_inner(overlay, route) is not None]
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
            return put_inner(root, ("model",), _make_model_at(span, source.model))
        method = overlay.entries.get("method")
        if method is not None and _get_method(overlay) in ("full", "freeze"):
            self._add(
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
        output = get_text(entry, ("output", "dir")) or f"{self.folder.rstrip('/')}/{stage.name}"
        sources = self._find_inputs(index, stage, merge)
        self._check_options(index, merge, len(sources))
        base = self._find_base(index, stage, merge)
        if not sources:
            return None
        first = sources[0][0]
        if merge.models is None and any(
            _describe_model(one.model) != _describe_model(first.model) for one, _ in sources
        ):
            self._add(("stages", index, "merge"), "the adapters are for different models", "merge them one by one")
        document = replace(self.document, root=first.root)
        inputs = tuple(one for _, one in sources)
        made = StageDocument(stage.name, document, output, merge, inputs, base, entry.entries.get("run"))
        span = entry.entries["name"].span
        if merge.into == "adapter":
            self.results[stage.name] = _Result("adapter", _mark_as_path(output), first.root, first.model)
        else:
            model = _make_model(span, output, first.model)
            self.results[stage.name] = _Result("model", output, first.root, model)
        return made

    def _find_inputs(self, index: int, stage: Stage, merge: Merge) -> list[tuple[_Result, MergeInput]]:
        """What is merged, as far as it is known, each with its weight."""
        route: Route = ("stages", index, "merge")
        named = _list_named_inputs(index, merge)
        if not named:
            source = self._find_source(index, stage)
            if source is None and not index:
                self._add(
                    route, f"stage `{stage.name}` has nothing to merge: no stage comes before it", "adapters: […]"
                )
            known = [] if source is None else [(source, _make_input(source, 1.0, route))]
            return [(one, made) for one, made in known if self._check_kind(route, stage, one, "adapter")]
        if stage.from_stage is not None:
            field = "models" if merge.models is not None else "adapters"
            self._add(
                ("stages", index, "from_stage"),
                f"stage `{stage.name}` has both `from_stage` and `merge.{field}`",
                "keep one of them",
            )
        kind = "adapter" if merge.models is None else "model"
        found = []
        for here, name, weight in named:
            source = self._find_result(here, name, kind)
            if source is not None and self._check_kind(here, stage, source, kind):
                found.append((source, _make_input(source, weight, here)))
        return found

    def _find_result(self, route: Route, name: str, kind: str) -> _Result | None:
        """What a stage leaves, or what lies in a folder; None where its stage has an error."""
        if any(one.name == name for one in self.stages.values()):
            return self.results.get(name)
        if "/" in name or (Path(self.document.file).parent / name).is_dir():
            return self._make_outside_result(name, kind)
        names = ", ".join(name for name, result in self.results.items() if result.kind == kind) or "a folder"
        self._add(route, f"there is no stage or folder `{name}`", f"use one of: {names}")
        return None

    def _make_outside_result(self, folder: str, kind: str) -> _Result:
        """What no stage writes: an adapter for the pipeline's model, or a model that is like it."""
        span = self.document.root.span
        model = self.common.entries.get("model", make_scalar(span, ""))
        return _Result(kind, folder, self.common, model if kind == "adapter" else _make_model(span, folder, model))

    def _find_base(self, index: int, stage: Stage, merge: Merge) -> MergeInput | None:
        """What the models of a merge were trained from; None where the merge needs no base, or it has an error."""
        if merge.models is None or merge.combine not in COMBINE_FIELDS["base"]:
            return None
        route: Route = ("stages", index, "merge", "base")
        if merge.base is not None and any(one.name == merge.base for one in self.stages.values()):
            source = self.results.get(merge.base)
            known = source is not None and self._check_kind(route, stage, source, "model")
            return _make_input(source, 1.0, route) if known and source is not None else None
        if merge.base is not None:
            return MergeInput(merge.base, 1.0, (merge.base, ""), route)
        id_, like = _describe_model(self.common.entries.get("model", make_scalar(self.document.root.span, "")))
        if not id_:
            message = f"`combine: {merge.combine}` needs the model that these were trained from"
            self._add(("stages", index, "merge", "combine"), message, "base: Qwen/Qwen3-4B")
            return None
        revision = get_text(self.common, ("model", "revision"))
        return MergeInput(f"{id_}@{revision}" if revision else id_, 1.0, (id_, like), ("model",))

    def _check_kind(self, route: Route, stage: Stage, source: _Result, kind: str) -> bool:
        if source.kind != kind:
            holds = {"reward": "a reward model", "model": "a whole model", "adapter": "an adapter"}[source.kind]
            wanted = "an adapter" if kind == "adapter" else "a whole model"
            self._add(
                route,
                f"stage `{stage.name}` has nothing to merge: {source.folder} holds {holds}, not {wanted}",
                "remove this stage, or name an adapter"
                if kind == "adapter"
                else "merge the adapter into its base in a stage before this one: {name: merged, merge: base}",
            )
        return source.kind == kind

    def _check_options(self, index: int, merge: Merge, count: int) -> None:
        """Refuse options that the merge would not read."""
        for field, message, suggestion in find_merge_problems(merge, count):
            self._add(("stages", index, "merge", field), message, suggestion)

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


def _list_named_inputs(index: int, merge: Merge) -> list[tuple[Route, str, float]]:
    """The adapters or models that a merge names: where, the name, and the weight."""
    route: Route = ("stages", index, "merge")
    if merge.models is not None:
        named = [("models", number, one.model, one.weight) for number, one in enumerate(merge.models)]
    else:
        named = [("adapters", number, one.adapter, one.weight) for number, one in enumerate(merge.adapters or [])]
    return [((*route, field, number), name, 1.0 if weight is None else weight) for field, number, name, weight in named]


def _make_input(source: _Result, weight: float, route: Route) -> MergeInput:
    return MergeInput(source.folder, weight, _describe_model(source.model), route)


def _get_item_span(document: Document, index: int) -> Span:
    return document.span(("stages", index))


def _make_result(root: Mapping, output: str) -> _Result:
    model = root.entries.get("model", make_scalar(root.span, ""))
    objective = get_text(root, ("objective",)) or get_text(root, ("objective", "type"))
    adapter = _get_method(root) not in ("full", "freeze")
    if objective == "reward" and not adapter:
        return _Result("reward", output, root, model)
    if adapter:
        return _Result("reward" if objective == "reward" else "adapter", _mark_as_path(output), root, model)
    return _Result("model", output, root, _make_model(root.entries["name"].span, output, model))


def _make_model(span: Span, folder: str, origin: Node) -> Mapping:
    """A model in a folder that may not be there yet: it is like the one it was made from."""
    id_, like = _describe_model(origin)
    return make_map(span, id=_mark_as_path(folder), like=like or id_)


def _make_model_at(span: Span, model: Node) -> Mapping:
    """The model that a stage left, as a value of the stage that starts from it."""
    id_, like = _describe_model(model)
    return make_map(span, id=id_, like=like)


def _describe_model(model: Node) -> tuple[str, str]:
    """Id and `like` of a model as it is written."""
    if isinstance(model, Scalar):
        return str(model.value or ""), ""
    return get_text(model, ("id",)), get_text(model, ("like",))


def _mark_as_path(folder: str) -> str:
    """The folder so that nobody takes it for a repository on the hub."""
    return folder if folder.startswith((".", "/", "~")) or folder.count("/") > 1 else f"./{folder}"


def _get_method(root: Mapping) -> str:
    return get_text(root, ("method",)) or get_text(root, ("method", "type")) or "lora"
