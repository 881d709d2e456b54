# ruff: noqa: E501
"""docs/research/speed-of-defaults.md, from results/defaults.jsonl. Written by tools/generate_docs.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from research.measurements.default_bounds import compute_bound

HERE = Path(__file__).resolve().parent
GIB = 2**30
TITLES = {"llamafactory": "LLaMA-Factory 0.9.5", "axolotl": "Axolotl 0.21.0"}
HEAD = """\
# Speed of chosen settings

Settings that a recipe leaves open are the fastest by the estimate that fits the GPU; with `hardware: {{prefer: memory}}`
they spare memory. This page compares the choice (`default`) with settings written by hand, in the same framework, on the
same rows, with the same batch of 16 examples and as many updates. One H200, random weights of the real shapes,
29 and 30 November 2026; `research/measurements/measure_defaults.py` runs the list in `default_cells.json` and resumes.

Tokens/s are the examples' own tokens, by the median step after the second. GiB is the peak that the allocator reserved;
the bound is what the estimate said would not be exceeded. `again` recomputes activations (gradient checkpointing), `keep`
stores them. `default` on the short examples is packed.

These were run once each, while other cells loaded models on the same GPU, so steps vary: where `default` is one of the
settings by hand, as `(= …)` says, the same was measured twice, up to 36% apart; [three runs](#three-runs) of the default and of
the best by hand stand at the end. What ran out of memory shared the GPU with other cells. {over} of {trained} runs took more than their bound, {packed} of them packed, by {most:.0%} at most; the others
were Axolotl's LoRA kernels on a 4-bit base. Packs have a wider bound since (`PACKED_BOUND`) and those kernels a larger
estimate. Runs of 8B, and of Axolotl's DPO, had an allocator whose segments grow, as run.sh asks for since
([how good the estimates are](memory-estimates.md)): by today's bound {over_grown} of those {grown} are above it, and the nearest
takes {nearest:.0%} of it; of the {rest} older runs, whose allocator kept more, {over_rest}.
"""


def read_lines(name: str) -> list[dict[str, Any]]:
    """Of a file of JSON lines."""
    return [json.loads(line) for line in (HERE / "results" / name).read_text("utf-8").splitlines()]


def format_row(cell: dict[str, Any], result: dict[str, Any], best: float, same: str) -> str:
    """A setting's line of the table; `same`: another setting that is resolved to the same."""
    if result["outcome"] != "trained":
        return f"| {cell['setting']} | {result['outcome']} | | | |"
    rate = compute_rate(result)
    shown = f"{rate:,.0f}" if counts_tokens(result) else f"{rate:.2f}"
    peak, bound = result["peak_reserved"] / GIB, result["bound"] / GIB
    name = f"{cell['setting']} (= {same})" if same else cell["setting"]
    return f"| {name} | {shown} | {rate / best:.2f} | {peak:.1f} | {bound:.1f} |"


def find_same(cell: dict[str, Any], cells: list[dict[str, Any]], results: dict[str, dict[str, Any]]) -> str:
    """The setting by hand that `default` was resolved to; empty where it is none, and of other settings."""
    if cell["setting"] != "default":
        return ""
    resolved = [(other["setting"], results[other["id"]].get("resolved")) for other in cells if other is not cell]
    own = results[cell["id"]].get("resolved")
    return next((name for name, seen in resolved if own is not None and seen == own), "")


def counts_tokens(result: dict[str, Any]) -> bool:
    """Whether its speed is one of tokens; of pairs where a step's tokens are not planned."""
    return result["outcome"] != "trained" or bool(result["resolved"]["tokens_per_step"])


def compute_rate(result: dict[str, Any]) -> float:
    """Tokens, or pairs, a second of a run that trained, 0 of another."""
    if result["outcome"] != "trained":
        return 0.0
    seen = result["resolved"]
    return float((seen["tokens_per_step"] or seen["examples_per_step"]) / median(result["step_seconds"][2:]))


def list_sections(cells: list[dict[str, Any]], results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A table for each workload and framework that was run."""
    for workload, backend in dict.fromkeys((cell["workload"], cell["backend"]) for cell in cells):
        listed = [cell for cell in cells if (cell["workload"], cell["backend"]) == (workload, backend)]
        measured = [cell for cell in listed if cell["id"] in results]
        if not measured:
            continue
        rates = [compute_rate(results[cell["id"]]) for cell in measured if cell["setting"] != "default"]
        best = max(rates, default=0.0) or max(compute_rate(results[cell["id"]]) for cell in measured)
        unit = "tokens/s" if all(counts_tokens(results[cell["id"]]) for cell in measured) else "pairs/s"
        lines = [f"\n## {workload}, {TITLES[backend]}\n", f"| setting | {unit} | of the best by hand | GiB | bound |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        lines += [format_row(cell, results[cell["id"]], best, find_same(cell, measured, results)) for cell in measured]
        missing = ", ".join(f"`{cell['setting']}`" for cell in listed if cell["id"] not in results)
        yield "\n".join(lines) + (f"\n\nNot run: {missing}.\n" if missing else "\n")


def describe_bounds(cells: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
    """How many runs took more than their bound, how many of those were packed, and by how much the worst did; the same
    by the bound of today.
    """
    trained = [result for result in results if result["outcome"] == "trained"]
    shares = compute_shares(cells, trained)
    grown = [shares[result["id"]] for result in trained if result.get("allocator")]
    now = {"grown": len(grown), "over_grown": sum(share > 1 for share in grown), "nearest": max(grown)}
    now |= {
        "rest": len(trained) - len(grown),
        "over_rest": sum(share > 1 for share in shares.values()) - now["over_grown"],
    }
    over = [result for result in trained if result["peak_reserved"] > result["bound"]]
    most = max((result["peak_reserved"] / result["bound"] - 1 for result in over), default=0.0)
    packed = sum(bool(result["resolved"]["packing"]) for result in over)
    return {"over": len(over), "trained": len(trained), "packed": packed, "most": most, **now}


def compute_shares(cells: list[dict[str, Any]], trained: list[dict[str, Any]]) -> dict[str, float]:
    """What each run took, of today's bound."""
    known = {cell["id"]: cell for cell in cells}
    return {one["id"]: one["peak_reserved"] / compute_bound(known[one["id"]], one) for one in trained}


def render_page() -> str:
    """The whole page."""
    cells = json.loads((HERE / "default_cells.json").read_text("utf-8"))
    results = {line["id"]: line for line in read_lines("defaults.jsonl")}
    run = {(cell["workload"], cell["backend"]) for cell in cells if cell["id"] in results}
    rest = dict.fromkeys(cell["workload"] for cell in cells if (cell["workload"], cell["backend"]) not in run)
    head = HEAD.format(**describe_bounds(cells, list(results.values())))
    repeats = "".join(render_repeats(cells, results, read_lines("default_repeats.jsonl")))
    tail = render_missing(cells, results, rest)
    examples = "".join(render_examples(cells, results))
    return head + "".join(list_sections(cells, results)) + repeats + examples + tail


def render_missing(cells: list[dict[str, Any]], results: dict[str, dict[str, Any]], rest: Iterable[str]) -> str:
    """What was not run at all, and what was run once only."""
    again = {one["id"].rpartition("-run")[0] for one in read_lines("default_repeats.jsonl")}
    pairs = dict.fromkeys((cell["workload"], cell["backend"]) for cell in cells if cell["id"] in results)
    repeated = {(cell["workload"], cell["backend"]) for cell in cells if cell["id"] in again}
    once = [
        f"{workload} in {TITLES[backend].rpartition(' ')[0]}"
        for workload, backend in pairs
        if (workload, backend) not in repeated
    ]
    missing = sum(cell["id"] not in results for cell in cells)
    listed = [*rest, *([f"{missing} settings, named below their tables"] if missing else [])]
    return f"\n## Not run\n\n{'; '.join(listed)}. Run once only: {', '.join(once) or 'none'}.\n"


EXAMPLES = """
## Against the frameworks' own examples

What `hardware: {prefer: memory}` resolves these recipes to (`micro4-again-liger` of the tables above) beside the settings of
the framework's own example for Qwen3 (micro-batch 1, checkpointing, without FlashAttention): more tokens/s in less memory.
The default above takes more memory and is faster still.

| workload | framework | example: tokens/s | GiB | prefer memory: tokens/s | GiB | times as fast |
| --- | --- | --- | --- | --- | --- | --- |
"""
PREFERS_MEMORY = "micro4-again-liger"


def render_examples(cells: list[dict[str, Any]], results: dict[str, dict[str, Any]]) -> Iterator[str]:
    """A table of the examples that trained."""
    yield EXAMPLES
    for cell in (cell for cell in cells if cell["setting"] == "example"):
        example = results.get(cell["id"])
        ours = results.get(cell["id"].removesuffix("example") + PREFERS_MEMORY)
        if example and ours and example["outcome"] == ours["outcome"] == "trained":
            rates = compute_rate(example), compute_rate(ours)
            sizes = example["peak_reserved"] / GIB, ours["peak_reserved"] / GIB
            shown = f"{rates[0]:,.0f} | {sizes[0]:.1f} | {rates[1]:,.0f} | {sizes[1]:.1f} | {rates[1] / rates[0]:.1f}"
            yield f"| {cell['workload']} | {TITLES[cell['backend']].rpartition(' ')[0]} | {shown} |\n"
    yield "\nOther examples ran into the time limit of 150 s, or were not run.\n"


REPEATS = """
## Three runs

The default and the two settings by hand that were fastest above, run again on another day's machine with two cells beside on
the same GPU (`measure_defaults.py --repeats 2`). Rates are tokens/s of each run, the one above among them unless the default is
resolved otherwise since; `of the best` compares medians. Runs of the same setting differ by up to {spread:.0%}; where the default
is one of the settings by hand, as `(= …)` says, runs of both count as runs of that setting.

| workload | framework | setting | runs | median | of the best by hand |
| --- | --- | --- | --- | --- | --- |
"""


def render_repeats(
    cells: list[dict[str, Any]], results: dict[str, dict[str, Any]], repeats: list[dict[str, Any]]
) -> Iterator[str]:
    """A table of all runs of what was run several times."""
    runs = {cell["id"]: [one for one in repeats if one["id"].rpartition("-run")[0] == cell["id"]] for cell in cells}
    for cell in (cell for cell in cells if runs[cell["id"]]):
        first = results[cell["id"]]
        if first["resolved"] == runs[cell["id"]][0]["resolved"]:
            runs[cell["id"]].insert(0, first)
    latest = results | {name: found[-1] for name, found in runs.items() if found}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    again = {(cell["workload"], cell["backend"]) for cell in cells if runs[cell["id"]]}
    for cell in (one for one in cells if one["id"] in latest and (one["workload"], one["backend"]) in again):
        groups.setdefault((cell["workload"], cell["backend"]), []).append(cell)
    rows, spread = [], 0.0
    for (workload, backend), beside in groups.items():
        rates = {
            cell["setting"]: [compute_rate(one) for one in runs[cell["id"]]] for cell in beside if runs[cell["id"]]
        }
        same = {cell["setting"]: find_same(cell, beside, latest) for cell in beside}
        pooled = {name: rates[name] + rates.get(same[name], []) for name in rates}
        medians = {name: median(pooled[next((n for n in rates if same[n] == name), name)]) for name in rates}
        best = max((rate for name, rate in medians.items() if name != "default"), default=0.0)
        spread = max([spread, *(max(each) / min(each) - 1 for each in pooled.values())])
        for name, each in rates.items():
            title = f"{name} (= {same[name]})" if same[name] else name
            shown = f"{', '.join(f'{rate:,.0f}' for rate in each)} | {medians[name]:,.0f} | {medians[name] / best:.2f}"
            rows.append(f"| {workload} | {TITLES[backend].rpartition(' ')[0]} | {title} | {shown} |\n")
    yield REPEATS.format(spread=spread) + "".join(rows)
