"""The names that stages are given, and those that they start from or merge."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ByIndex

from qwen_recipes.finding import Route
from qwen_recipes.recipe.spec.stages import Merge, Stage

NameProblem = tuple[Route, str, str]
"""Where, what is wrong, and what to write instead."""


def find_name_problems(stages: ByIndex[int, Stage]) -> Iterator[NameProblem]:
    """Names that are given twice, that no stage has, that come later, or that lead back to the stage itself."""
    earlier: list[str] = []
    names = [stage.name for stage in stages.values()]
    for index, stage in stages.items():
        if stage.name in earlier:
            yield ("stages", index, "name"), f"two stages are named `{stage.name}`", "rename one of them"
        for route, name in _list_references(index, stage):
            if name in names and (loop := _find_loop(stages, name, stage.name)):
                yield route, f"stages start from each other: {' → '.join(loop)}", "remove one of these"
            elif name in names and name not in earlier:
                yield route, f"stage `{name}` comes after `{stage.name}`", f"move `{name}` before `{stage.name}`"
            elif name not in names and route[-1] == "from_stage":
                yield route, f"there is no stage `{name}`", f"use one of: {', '.join(dict.fromkeys(names))}"
        earlier.append(stage.name)


def _list_references(index: int, stage: Stage) -> list[tuple[Route, str]]:
    found: list[tuple[Route, str]] = []
    if stage.from_stage is not None:
        found.append((("stages", index, "from_stage"), stage.from_stage))
    if stage.merge is not None:
        found += [(route, name) for route, name, _ in list_named_inputs(index, stage.merge)]
        if stage.merge.base is not None:
            found.append((("stages", index, "merge", "base"), stage.merge.base))
    return found


def _find_loop(stages: ByIndex[int, Stage], start: str, end: str) -> list[str]:
    """The names from `end` over `start` back to `end`, where each starts from the next."""
    if start == end:
        return [end, end]
    paths, seen = [[end, start]], {start}
    by_name = {stage.name: (index, stage) for index, stage in stages.items()}
    while paths:
        path = paths.pop()
        for _, name in _list_references(*by_name[path[-1]]):
            if name == end:
                return [*path, end]
            if name not in seen and name in by_name:
                seen.add(name)
                paths.append([*path, name])
    return []


def list_named_inputs(index: int, merge: Merge) -> list[tuple[Route, str, float]]:
    """The adapters or models that a merge names: where, the name, and the weight."""
    route: Route = ("stages", index, "merge")
    if merge.models is not None:
        named = [("models", number, one.model, one.weight) for number, one in enumerate(merge.models)]
    else:
        named = [("adapters", number, one.adapter, one.weight) for number, one in enumerate(merge.adapters or [])]
    return [((*route, field, number), name, 1.0 if weight is None else weight) for field, number, name, weight in named]
