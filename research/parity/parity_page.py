"""Which tokens each framework trains on, from the last run: parts of two pages.

docs/research/token-parity.md and docs/reference/frameworks.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.verification import KnownDifference
from qwen_recipes.verify.compare import DIFFERENCE_KINDS
from qwen_recipes.verify.known_differences import find_known_difference
from research.parity import preference_page
from research.parity.conversations import CASES
from research.parity.parity_cells import BACKENDS, DEFAULT_OPTION, MODELS, OPTIONS, TRUNCATE_AT, ParityCell
from research.parity.supported_cases import list_unsupported_cases

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results.json")
PAGE = ROOT / "docs" / "research" / "token-parity.md"
MARK, END = "<!-- generated: {} -->\n", "<!-- end -->"

Result = dict[str, Any]


@dataclass
class ObservedDifference:
    """One known difference as the run saw it."""

    known: KnownDifference
    options: dict[str, None] = field(default_factory=dict)
    """The options with which it was seen, in order."""
    cases: Counter[str] = field(default_factory=Counter)
    example: dict[str, Any] = field(default_factory=dict)


def load_results() -> dict[str, Any]:
    """What `research.parity.measure_parity` wrote."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def parse_cell(result: Result) -> ParityCell:
    return ParityCell(result["variant"], result["encoding"], result["option"])


def find_objective(result: Result) -> str:
    found: str = OPTIONS[result["option"]].get("objective", {}).get("type", "sft")
    return found


def explain_difference(result: Result, entry: dict[str, Any]) -> KnownDifference:
    """What explains a difference of the run. Raises KeyError where nothing does."""
    known = find_known_difference(result["backend"], find_objective(result), result["variant"], entry["kind"])
    if known is None or result["encoding"] == "exact":
        raise KeyError(f"nothing explains {result['backend']}, {parse_cell(result)}: {entry}")
    return known


def collect_differences(cells: list[Result]) -> list[ObservedDifference]:
    """Every known difference, with all rows that show it. Raises KeyError as `explain_difference`."""
    found: dict[KnownDifference, ObservedDifference] = {}
    for result in cells:
        for entry in result.get("differing", ()):
            known = explain_difference(result, entry)
            one = found.setdefault(
                known, ObservedDifference(known, example={"case": entry["case"], **entry["example"]})
            )
            one.options[result["option"]] = None
            one.cases[entry["case"]] += entry["rows"]
    return sorted(found.values(), key=lambda one: (BACKENDS.index(one.known.backend), one.known.objective))


def format_share(part: int, whole: int) -> str:
    """A percentage that says 100 only of everything."""
    return f"{100 * part // whole}" if part in (0, whole) else f"{min(99.9, 100 * part / whole):.1f}"


def format_score(result: Result | None) -> str:
    """Ids and labels in per cent of the rows that the framework takes."""
    if result is None:
        return ""
    if "refused" in result:
        return "refused"
    ids, labels = (format_share(result[name], result["rows"]) for name in ("ids", "labels"))
    return f"{ids} / {labels} of {result['rows']}"


def render_scores(cells: list[Result], option: str) -> list[str]:
    """A table of one option: a row for each variant, two columns for each framework."""
    by_cell = {(r["backend"], parse_cell(r)): r for r in cells}
    titles = [f"{load_backend(name).title} {load_backend(name).version}" for name in BACKENDS]
    lines = [
        "| variant | " + " | ".join(f"{title} native | exact" for title in titles) + " |",
        "|---|" + "---|---|" * len(titles),
    ]
    for variant in MODELS:
        found = [
            format_score(by_cell.get((backend, ParityCell(variant, encoding, option))))
            for backend in BACKENDS
            for encoding in ("native", "exact")
        ]
        lines.append(f"| {variant} | " + " | ".join(found) + " |")
    return lines


def list_refusals(cells: list[Result]) -> Iterator[str]:
    """What was refused, with the tool's own reason, once for each."""
    said: dict[str, list[str]] = {}
    for result in cells:
        if "refused" in result:
            where = f"{result['option']}, {result['encoding']}"
            said.setdefault(f"{load_backend(result['backend']).title}, {where}: {result['refused']}", []).append(
                result["variant"]
            )
    return (f"- {what} ({', '.join(variants)})" for what, variants in said.items())


def list_uncounted_cases(cells: list[Result]) -> Iterator[str]:
    """The cases that are left out of the native scores, and whether they came out the same all the same."""
    found: dict[tuple[str, str, str, bool], dict[str, None]] = {}
    for result in cells:
        differs = {entry["case"] for entry in result.get("differing", ())}
        for case in (
            list_unsupported_cases(result["backend"], parse_cell(result)) if result["encoding"] == "native" else ()
        ):
            key = result["backend"], find_objective(result), case, case in differs
            found.setdefault(key, {})[result["variant"]] = None
    for (backend, objective, case, different), variants in sorted(found.items()):
        same = "differs, see below" if different else "came out the same"
        yield f"- {load_backend(backend).title}, {objective}, `{case}` ({', '.join(variants)}): {same}"


def render_difference(difference: ObservedDifference) -> list[str]:
    """A difference: where, why, who tells of it, its cases, and the first row's tokens in context."""
    known, example = difference.known, difference.example
    title = load_backend(known.backend).title
    cases = ", ".join(f"`{case}` {rows}" for case, rows in sorted(difference.cases.items()))
    return [
        f"#### {title}, {known.objective}, {', '.join(known.templates)}: {DIFFERENCE_KINDS[known.kind]}",
        "",
        f"Why: {known.why}. Told by [{known.guard}](../guards/{known.guard}.md).",
        "",
        f"Options: {', '.join(difference.options)}. Rows by case: {cases}.",
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
`python -m research.parity.measure_parity --rows {rows} --out research/parity/results.json` put {rows} made
conversations of {cases} cases (`research/parity/conversations.py`, seed {seed}) through each framework's own pipeline,
for each variant, natively and with `chat.encoding: exact`; and {few} more for each option, plain texts for
`objective: pretrain`. A score is the percentage of rows whose token ids match the expected ones, then of rows
whose ids and labels match, among the rows that the framework supports by its documentation
(`research/parity/supported_cases.py`, written before the run). `overlong: truncate` cuts at {cut} tokens; rows
without a token in the loss are left out beforehand.

TRL, and Axolotl's first three tables, are of 29 November 2026: a row with several reasoned turns is several examples,
the present default, so that hybrid and Thinking models have more of them than rows. The other cells are older; their
rows are whole, as with `chat.turns: together`. `tests/conformance/test_tokens.py` compares 204 conversations with the
present default in each test run.
"""


def render_block() -> str:
    """The generated part of docs/research/token-parity.md."""
    found = load_results()
    cells = found["cells"]
    lines = [
        HEAD.format(few=found["rows"] // 10, cases=len(CASES), cut=TRUNCATE_AT, rows=found["rows"], seed=found["seed"])
    ]
    for option in OPTIONS:
        lines += [
            f"### {'As it comes' if option == DEFAULT_OPTION else f'`{option}`'}",
            "",
            *render_scores(cells, option),
            "",
        ]
    refusals = list(list_refusals(cells))
    lines += ["### What is not in the scores", ""]
    lines += ["Refused, in the compiler's words:", "", *refusals, ""] if refusals else []
    lines += [
        "Not counted natively, as the framework does not say that it takes them:",
        "",
        *list_uncounted_cases(cells),
        "",
    ]
    lines += ["### Every row that differs", ""]
    lines += [line for one in collect_differences(cells) for line in render_difference(one)]
    return "\n".join(lines)


def render_page() -> str:
    """docs/research/token-parity.md with its generated parts rendered again."""
    page = PAGE.read_text("utf-8")
    for name, render in {"tokens": render_block, "preferences": preference_page.render_block}.items():
        before, rest = page.split(MARK.format(name))
        page = before + MARK.format(name) + render() + END + rest.split(END, 1)[1]
    return page


def render_unavoidable() -> str:
    """For docs/reference/frameworks.md: what no config removes, with a case that shows it."""
    rows = [
        f"| {load_backend(d.known.backend).title} | {d.known.objective}: {', '.join(d.known.templates)} "
        f"| {DIFFERENCE_KINDS[d.known.kind].replace('|', '/')} | `{d.example['case']}` "
        f"| [{d.known.guard}](../guards/{d.known.guard}.md) |"
        for d in collect_differences(load_results()["cells"])
    ]
    return (
        "## Tokens that differ all the same\n\n"
        "What a framework makes of prepared rows natively, where no key changes it. Where it takes "
        "`chat.encoding: exact`"
        "\nthere is no such difference. Counts, reasons and the tokens in context: "
        "[token parity](../research/token-parity.md).\n\n"
        "| framework | objective and chat templates | what differs | case that shows it | guard |\n"
        "|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
