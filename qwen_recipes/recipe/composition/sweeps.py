"""`sweep`: one recipe's document becomes a document for each trial.

A trial's values keep their place in the file, under `sweep`: what is wrong with one is reported there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NoReturn

from qwen_recipes.finding import COMMAND_LINE_SPAN, Finding, RecipeError, Route
from qwen_recipes.recipe.composition.merge import is_null, merge_nodes
from qwen_recipes.recipe.composition.sweep_checks import MAX_TRIALS, can_sweep, find_sweep_problems, split_field
from qwen_recipes.recipe.composition.sweep_key import SWEEP
from qwen_recipes.recipe.composition.sweep_names import name_combinations
from qwen_recipes.recipe.composition.sweep_ranges import list_range_values
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.names import make_name
from qwen_recipes.recipe.overrides import set_value
from qwen_recipes.recipe.spec.sweep import Sweep
from qwen_recipes.recipe.suggestions import find_closest_match
from qwen_recipes.recipe.validation import validate_document
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence, get_child, plain_data


@dataclass(frozen=True)
class TrialDocument:
    """One trial: its short name, the values of its fields, and the recipe that they make."""

    name: str
    values: dict[str, Any]
    document: Document


@dataclass(frozen=True)
class SweepDocuments:
    """A sweep as it was written, and its trials. Of a search, `trials` are samples of its space (`is_sample`)."""

    spec: Sweep
    fields: tuple[str, ...]
    """The fields that differ between trials."""
    trials: list[TrialDocument]
    base: Document
    """The recipe without its sweep: what `make_trial` lays values over."""

    @property
    def is_search(self) -> bool:
        """Whether Optuna chooses the values; `trials` are then the ends of each range and every listed value."""
        return self.spec.search is not None


def expand_sweep(document: Document) -> SweepDocuments:
    """Every trial of a document that has a sweep, in order. A field that `--set` gives a value is not swept.

    Raises RecipeError with all that is wrong with the sweep.
    """
    assert isinstance(document.root, Mapping)
    node = document.root.entries[SWEEP]
    layered = replace(document, root=_without_sweep(document.root), layers=(*document.layers, (SWEEP, node.span)))
    spec = _validate_sweep(document, node, layered)
    parameters = {
        field: values for field, values in _list_parameters(node, spec) if not _is_set(layered.root, split_field(field))
    }
    if spec.search is not None:
        values_of_trials = _sample_space(parameters)
    else:
        combinations = [dict(zip(parameters, chosen, strict=True)) for chosen in product(*parameters.values())]
        values_of_trials = [*(name_combinations(combinations) if parameters else []), *_list_named_trials(node)]
    fields = tuple(dict.fromkeys(field for _, values in values_of_trials for field in values))
    trials = [make_trial(layered, name, values) for name, values in values_of_trials]
    return SweepDocuments(spec, fields, trials, layered)


def choose_trial(document: Document) -> tuple[str, Document]:
    """The trial that `sweep.trial` names, and its document. Raises RecipeError, also where none is named."""
    assert isinstance(document.root, Mapping)
    node = document.root.entries[SWEEP]
    name, values = get_child(node, "trial"), get_child(node, "values")
    if isinstance(name, Scalar) and isinstance(name.value, str) and isinstance(values, Mapping):
        layered = replace(document, root=_without_sweep(document.root), layers=(*document.layers, (SWEEP, node.span)))
        _validate_sweep(document, node, layered)
        return name.value, make_trial(layered, name.value, dict(values.entries)).document
    expanded = expand_sweep(document)
    if expanded.spec.trial is None or expanded.is_search:
        suggestion = "choose one with --set sweep.trial=NAME"
        _raise(document, "this recipe has a `sweep`; one trial is needed here", suggestion, (SWEEP,))
    chosen = next((one for one in expanded.trials if one.name == expanded.spec.trial), None)
    if chosen is None:
        names = [one.name for one in expanded.trials]
        near = find_closest_match(expanded.spec.trial, names)
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        suggestion = f"did you mean `{near}`?" if near else f"trials: {shown}"
        _raise(document, f"the sweep has no trial `{expanded.spec.trial}`", suggestion, (SWEEP, "trial"))
    return chosen.name, chosen.document


def _raise(document: Document, message: str, suggestion: str, route: Route) -> NoReturn:
    raise RecipeError(
        [locate_finding(document, Finding("recipe", "error", message, route, suggestion=suggestion), key=True)]
    )


def make_trial(base: Document, name: str, values: dict[str, Node]) -> TrialDocument:
    """The trial of this name: the recipe without its sweep, with these values laid over all but what `--set` gives."""
    assert isinstance(base.root, Mapping)
    root: Node = base.root
    for field, value in values.items():
        root = _lay_over(root, split_field(field), value)
    assert isinstance(root, Mapping)
    document = replace(base, root=_name_trial(root, base, name))
    return TrialDocument(name, {field: plain_data(value) for field, value in values.items()}, document)


def _is_set(root: Node, steps: list[str]) -> bool:
    """Whether `--set` gives this field, or a map that it is in, a value."""
    node = _find(root, steps)
    return node is not None and node.span == COMMAND_LINE_SPAN and not isinstance(node, Mapping)


def _find(root: Node, steps: list[str]) -> Node | None:
    found: Node | None = root
    for step in steps:
        found = get_child(found, int(step) if step.isdecimal() else step) if found is not None else None
    return found


def _keep_set_values(before: Node, after: Node) -> Node:
    """`after`, with what `--set` gave in `before`."""
    if not isinstance(before, Mapping):
        return before if before.span == COMMAND_LINE_SPAN else after
    if not isinstance(after, Mapping):
        return after
    kept = {
        key: _keep_set_values(before.entries[key], node) for key, node in after.entries.items() if key in before.entries
    }
    return replace(after, entries={**after.entries, **kept})


def _validate_sweep(document: Document, node: Node, rest: Document) -> Sweep:
    """The sweep. Raises RecipeError with all that is wrong with it, and with what else the recipe says."""
    samples, problems = [rest], list[Finding]()
    try:
        spec = _read_sweep(document, node)
    except RecipeError as error:
        problems = error.findings
        node = _drop_invalid_parts(node, problems)
        try:
            spec = _read_sweep(document, node)
        except RecipeError:
            spec = Sweep()
    if spec.parameters or spec.trials or not problems:
        problems += [locate_finding(document, problem) for problem in find_sweep_problems(document, spec)]
        if not problems:
            return spec
        samples += _list_samples(document, node, rest)
    for sample in samples:
        found = {(finding.file, finding.span) for finding in problems}
        try:
            validate_document(sample)
        except RecipeError as error:
            others = [finding for finding in error.findings if not finding.message.endswith(" is missing")]
            problems += [finding for finding in others if (finding.file, finding.span) not in found]
    raise RecipeError(problems)


def _drop_invalid_parts(node: Node, findings: list[Finding]) -> Node:
    """The sweep without the parameters, trials and other keys that findings are about, so that the rest is checked."""
    for finding in findings:
        steps = [str(step) for step in finding.route[1:]]
        if finding.route[:1] == (SWEEP,) and steps:
            node = _remove(node, steps[:2] if steps[0] in ("parameters", "trials") else steps[:1])
    return node


def _list_samples(document: Document, node: Node, rest: Document) -> list[Document]:
    """Recipes in which each listed value of each field occurs: what tells which of them have a wrong type."""
    stated = get_child(node, "parameters")
    parameters = {
        field: list(values.items[:MAX_TRIALS])
        for field, values in (stated.entries.items() if isinstance(stated, Mapping) else ())
        if isinstance(values, Sequence) and can_sweep(document, field)
    }
    return [make_trial(rest, name, values).document for name, values in _sample_space(parameters)]


def _read_sweep(document: Document, node: Node) -> Sweep:
    """The sweep by itself: what it sets may be what the rest of the recipe lacks."""
    span = node.span
    stub: dict[str, Node] = {
        "version": Scalar(span, 1, "1", True),
        "model": Scalar(span, "any", "any", True),
        "data": Mapping(span, {"train": Scalar(span, "any.jsonl", "any.jsonl", True)}, {"train": span}),
        SWEEP: _keep_nulls(node),
    }
    keys = {**dict.fromkeys(stub, span), SWEEP: document.span((SWEEP,), key=True)}
    recipe = validate_document(replace(document, root=Mapping(span, stub, keys)))
    assert recipe.sweep is not None
    return recipe.sweep


def _keep_nulls(node: Node, depth: int = 0) -> Node:
    """The tree with a word for each `null` among values, where it takes a value away and is no empty field."""
    if isinstance(node, Mapping):
        return replace(node, entries={key: _keep_nulls(child, depth + 1) for key, child in node.entries.items()})
    if isinstance(node, Sequence):
        return replace(node, items=[_keep_nulls(item, depth + 1) for item in node.items])
    return replace(node, value="null") if depth > 2 and node.value is None else node


def _list_parameters(node: Node, spec: Sweep) -> Iterator[tuple[str, list[Node]]]:
    """Each field with the nodes of its values; an open range has none but its ends."""
    parameters = get_child(node, "parameters")
    for field, value in parameters.entries.items() if isinstance(parameters, Mapping) else ():
        if isinstance(value, Sequence):
            yield field, list(value.items)
            continue
        stated = (spec.parameters or {})[field]
        assert not isinstance(stated, list)
        numbers = list_range_values(stated)
        yield field, [Scalar(value.span, number, repr(number), True) for number in numbers]


def _list_named_trials(node: Node) -> Iterator[tuple[str, dict[str, Node]]]:
    trials = get_child(node, "trials")
    for name, values in trials.entries.items() if isinstance(trials, Mapping) else ():
        assert isinstance(values, Mapping)
        yield name, dict(values.entries)


def _sample_space(parameters: dict[str, list[Node]]) -> list[tuple[str, dict[str, Node]]]:
    """Trials in which each value of each field occurs, as few as there can be; a search draws among their like."""
    most = max((len(values) for values in parameters.values()), default=0)
    return [
        (f"sample{number}", {field: values[min(number, len(values) - 1)] for field, values in parameters.items()})
        for number in range(most)
    ]


def _lay_over(root: Node, steps: list[str], value: Node) -> Node:
    """The tree with a value merged in at a field, as a later file would; `null` takes away what is there."""
    there = _find(root, steps)
    if is_null(value):
        return root if there is None else _remove(root, steps)
    merged = _keep_set_values(there, merge_nodes(there, value, steps[-1])) if there is not None else value
    return set_value(root, "", steps, merged)


def _remove(node: Node, steps: list[str]) -> Node:
    if not isinstance(node, Mapping) or steps[0] not in node.entries:
        return node
    head, *rest = steps
    if rest:
        return replace(node, entries={**node.entries, head: _remove(node.entries[head], rest)})
    entries = {key: child for key, child in node.entries.items() if key != head}
    return Mapping(node.span, entries, {key: node.keys[key] for key in entries})


def _without_sweep(root: Mapping) -> Mapping:
    entries = {key: child for key, child in root.entries.items() if key != SWEEP}
    return Mapping(root.span, entries, {key: root.keys[key] for key in entries})


def get_sweep_name(document: Document) -> str:
    """The name of the whole sweep: the recipe's, or one made of its file's."""
    node = get_child(document.root, "name")
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    return "recipe" if document.file == "<stdin>" else make_name(document.file.replace("\\", "/").rpartition("/")[2])


def get_sweep_output(document: Document) -> str:
    """The folder of the whole sweep, as it is written or by default."""
    output = get_child(document.root, "output")
    folder = get_child(output, "dir") if output is not None else None
    written = folder.value if isinstance(folder, Scalar) and isinstance(folder.value, str) else None
    return written or f"runs/{get_sweep_name(document)}"


def _name_trial(root: Mapping, base: Document, trial: str) -> Mapping:
    """A trial has a name and an output folder of its own, below the sweep's."""
    span = base.layers[-1][1]
    name, folder = f"{get_sweep_name(base)}-{trial}", f"{get_sweep_output(base)}/{trial}"
    named: Node = root
    for steps, text in ((["name"], name), (["output", "dir"], folder)):
        named = set_value(named, "", steps, Scalar(span, text, text, True))
    assert isinstance(named, Mapping)
    return named
