"""The parts of docs/parity.md and docs/matrix.md that say which tokens each framework trains on, from the last run."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_recipes.backends import backend_named
from qwen_recipes.verify.compare import KINDS
from qwen_recipes.verify.explained import Known, explained

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from scripts.parity.cells import BACKENDS, CUT_AT, MODELS, OPTIONS, USUAL, Cell  # noqa: E402
from scripts.parity.conversations import CASES  # noqa: E402
from scripts.parity.supported import unsupported  # noqa: E402

RESULTS = ROOT / "scripts" / "parity" / "results.json"
PAGE = ROOT / "docs" / "parity.md"
MARKS = "<!-- generated: tokens -->\n", "<!-- end -->"

Result = dict[str, Any]


@dataclass
class Different:
    """One known difference as the run saw it."""

    known: Known
    options: dict[str, None] = field(default_factory=dict)
    """The options with which it was seen, in order."""
    cases: Counter[str] = field(default_factory=Counter)
    example: dict[str, Any] = field(default_factory=dict)


def results() -> dict[str, Any]:
    """What `scripts.parity.run` wrote."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def cell_of(result: Result) -> Cell:
    return Cell(result["variant"], result["encoding"], result["option"])


def objective_of(result: Result) -> str:
    found: str = OPTIONS[result["option"]].get("objective", {}).get("type", "sft")
    return found


def knowledge(result: Result, entry: dict[str, Any]) -> Known:
    """What explains a difference of the run. Raises KeyError where nothing does."""
    known = explained(result["backend"], objective_of(result), result["variant"], entry["kind"])
    if known is None or result["encoding"] == "exact":
        raise KeyError(f"nothing explains {result['backend']}, {cell_of(result)}: {entry}")
    return known


def differences(cells: list[Result]) -> list[Different]:
    """Every known difference, with all rows that show it. Raises KeyError as `knowledge`."""
    found: dict[Known, Different] = {}
    for result in cells:
        for entry in result.get("differing", ()):
            known = knowledge(result, entry)
            one = found.setdefault(known, Different(known, example={"case": entry["case"], **entry["example"]}))
            one.options[result["option"]] = None
            one.cases[entry["case"]] += entry["rows"]
    return sorted(found.values(), key=lambda one: (BACKENDS.index(one.known.backend), one.known.objective))


def share(part: int, whole: int) -> str:
    """A percentage that says 100 only of everything."""
    return f"{100 * part // whole}" if part in (0, whole) else f"{min(99.9, 100 * part / whole):.1f}"


def score(result: Result | None) -> str:
    """Ids and labels in per cent of the rows that the framework takes."""
    if result is None:
        return ""
    if "refused" in result:
        return "refused"
    return f"{share(result['ids'], result['rows'])} / {share(result['labels'], result['rows'])} of {result['rows']}"


def scores(cells: list[Result], option: str) -> list[str]:
    """A table of one option: a row for each variant, two columns for each framework."""
    by_cell = {(r["backend"], cell_of(r)): r for r in cells}
    titles = [f"{backend_named(name).title} {backend_named(name).version}" for name in BACKENDS]
    lines = [
        "| variant | " + " | ".join(f"{title} native | exact" for title in titles) + " |",
        "|---|" + "---|---|" * len(titles),
    ]
    for variant in MODELS:
        found = [
            score(by_cell.get((backend, Cell(variant, encoding, option))))
            for backend in BACKENDS
            for encoding in ("native", "exact")
        ]
        lines.append(f"| {variant} | " + " | ".join(found) + " |")
    return lines


def refusals(cells: list[Result]) -> Iterator[str]:
    """What was refused, with the tool's own reason, once for each."""
    said: dict[str, list[str]] = {}
    for result in cells:
        if "refused" in result:
            where = f"{result['option']}, {result['encoding']}"
            said.setdefault(f"{backend_named(result['backend']).title}, {where}: {result['refused']}", []).append(
                result["variant"]
            )
    return (f"- {what} ({', '.join(variants)})" for what, variants in said.items())


def not_taken(cells: list[Result]) -> Iterator[str]:
    """The cases that are left out of the native scores, and whether they came out the same all the same."""
    found: dict[tuple[str, str, str, bool], dict[str, None]] = {}
    for result in cells:
        differs = {entry["case"] for entry in result.get("differing", ())}
        for case in unsupported(result["backend"], cell_of(result)) if result["encoding"] == "native" else ():
            key = result["backend"], objective_of(result), case, case in differs
            found.setdefault(key, {})[result["variant"]] = None
    for (backend, objective, case, different), variants in sorted(found.items()):
        same = "differs, see below" if different else "came out the same"
        yield f"- {backend_named(backend).title}, {objective}, `{case}` ({', '.join(variants)}): {same}"


def shown(one: Different) -> list[str]:
    """A difference: where, why, who tells of it, its cases, and the first row's tokens in context."""
    known, example = one.known, one.example
    title = backend_named(known.backend).title
    cases = ", ".join(f"`{case}` {rows}" for case, rows in sorted(one.cases.items()))
    return [
        f"#### {title}, {known.objective}, {', '.join(known.templates)}: {KINDS[known.kind]}",
        "",
        f"Why: {known.why}. Told by [{known.guard}](guards/{known.guard}.md).",
        "",
        f"Options: {', '.join(one.options)}. Rows by case: {cases}.",
        "",
        f"`{example['case']}`, row {example['line']}, token {example['token']}:",
        "",
        "```text",
        f"ours    {example['ours']}",
        f"theirs  {example['theirs'] or 'no row'}",
        "```",
        "",
    ]


HEAD = """\
`python -m scripts.parity.run --rows {rows} --out scripts/parity/results.json` put {rows} made conversations of
{cases} cases (`scripts/parity/conversations.py`, seed {seed}) through each framework's own pipeline, for each variant,
natively and with `chat.encoding: exact`; and {few} more for each option, plain texts for `objective: pretrain`. A score
is the share of rows, in per cent, whose ids are ours, then whose ids and labels both are, of the rows that the
framework takes by its documentation (`scripts/parity/supported.py`, written before the run). `overlong: truncate` cuts
at {cut} tokens; rows of which nothing is learnt then are left out beforehand.
"""


def block() -> str:
    """The generated part of docs/parity.md."""
    found = results()
    cells = found["cells"]
    lines = [HEAD.format(few=found["rows"] // 10, cases=len(CASES), cut=CUT_AT, rows=found["rows"], seed=found["seed"])]
    for option in OPTIONS:
        lines += [f"### {'As it comes' if option == USUAL else f'`{option}`'}", "", *scores(cells, option), ""]
    lines += ["### What is not in the scores", "", "Refused, in the compiler's words:", "", *refusals(cells), ""]
    lines += ["Not counted natively, as the framework does not say that it takes them:", "", *not_taken(cells), ""]
    lines += ["### Every row that differs", ""]
    lines += [line for one in differences(cells) for line in shown(one)]
    return "\n".join(lines)


def page() -> str:
    """docs/parity.md with its generated part made anew."""
    start, end = MARKS
    before, rest = PAGE.read_text("utf-8").split(start)
    return before + start + block() + end + rest.split(end, 1)[1]


def unavoidable() -> str:
    """For docs/matrix.md: what no config removes, with a case that shows it."""
    rows = [
        f"| {backend_named(d.known.backend).title} | {d.known.objective}: {', '.join(d.known.templates)} "
        f"| {KINDS[d.known.kind].replace('|', '/')} | `{d.example['case']}` "
        f"| [{d.known.guard}](guards/{d.known.guard}.md) |"
        for d in differences(results()["cells"])
    ]
    return (
        "## Tokens that differ all the same\n\n"
        "What a framework makes of prepared rows natively, where no key changes it. Where it takes "
        "`chat.encoding: exact`"
        "\nthere is no such difference. Counts, reasons and the tokens in context: [parity.md](parity.md).\n\n"
        "| framework | objective and chat templates | what differs | case that shows it | guard |\n"
        "|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
