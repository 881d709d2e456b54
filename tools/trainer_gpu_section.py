"""The part of docs/research/trainer-values.md about GPUs.

From the results of research/measurements/probe_*_on_gpu.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backends

MEASUREMENTS = Path(__file__).parents[1] / "research" / "measurements"
PLANNED, RESULTS = MEASUREMENTS / "gpu_trainer_recipes.json", MEASUREMENTS / "results" / "gpu_trainers.jsonl"
DTYPE_CELLS, DTYPES = MEASUREMENTS / "gpu_trainer_cells.json", MEASUREMENTS / "results" / "trained_dtypes.jsonl"
HEAD = """## On a GPU

What a CPU can't show is observed in the same way on one NVIDIA H200 (2026-11-29, torch 2.11, the frameworks in their
locked versions, other packages as in `research/measurements/offline_packages.py`), on the recipes of
`research/measurements/gpu_trainer_recipes.json`. To repeat it: `probe_trainer_on_gpu.py`.
"""
DTYPES_HEAD = """In what trained weights are held under several strategies, on two H200 (`probe_on_gpu.py`): the dtype
of the weights that the optimizer updates at the first step.
"""
Line = dict[str, Any]


def render_gpu_section() -> list[str]:
    """Lines of Markdown."""
    lines = _read_lines(RESULTS)
    return [HEAD, *_render_fields(lines), *_render_exceptions(lines), DTYPES_HEAD, *_render_dtypes(), ""]


def _read_lines(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _render_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _render_fields(lines: Sequence[Line]) -> list[str]:
    names = [backend.name for backend in load_backends()]
    head = [_render_row(["field", *(backend.title for backend in load_backends())]), "|---" * (len(names) + 1) + "|"]
    fields = json.loads(PLANNED.read_text("utf-8"))["fields"]
    return [*head, *(_render_row([f"`{field}`", *(_count(lines, field, name) for name in names)]) for field in fields)]


def _count(lines: Sequence[Line], field: str, backend: str) -> str:
    checks = [check for line in lines if line["backend"] == backend for check in line.get("checks", ())]
    found = Counter(check["result"] for check in checks if check["field"] == field)
    values = sorted({str(check["planned"]) for check in checks if check["field"] == field and check["result"] == "ok"})
    if not found["ok"] + found["differs"]:
        return "not seen"
    differs = f", **differs ({found['differs']})**" if found["differs"] else ""
    return f"seen ({found['ok']}){differs}: {', '.join(values)}"


def _render_exceptions(lines: Sequence[Line]) -> Iterator[str]:
    total = sum((Counter(line.get("counts", {})) for line in lines), Counter[str]())
    yield ""
    yield f"{len(lines)} probes; of all fields, {total['ok']} are as planned and {total['differs']} differ:"
    yield ""
    for line in lines:
        if "refused" in line:
            yield f"- {line['name']}, {line['backend']}: unsupported ({line['refused']})"
        differs = [check for check in line.get("checks", ()) if check["result"] == "differs"]
        for check in differs[:1]:
            more = f" (and {len(differs) - 1} fields that follow from it)" if len(differs) > 1 else ""
            seen = f"planned {check['planned']}, seen {check['seen']}"
            yield f"- {line['name']}, {line['backend']}: `{check['field']}`, {seen}{more}"
    yield ""


def _render_dtypes() -> Iterator[str]:
    lines = {(line["name"], line["backend"]): line for line in _read_lines(DTYPES)}
    names = [backend.name for backend in load_backends()]
    yield _render_row(["recipe", "GPUs", "strategy", *(backend.title for backend in load_backends())])
    yield "|---" * (len(names) + 3) + "|"
    for cell in json.loads(DTYPE_CELLS.read_text("utf-8"))["cells"]:
        seen = (_describe_dtype(cell, lines.get((cell["name"], name)), name) for name in names)
        yield _render_row([cell["name"], str(cell["gpus"]), cell["strategy"], *seen])


def _describe_dtype(cell: Line, line: Line | None, backend: str) -> str:
    if backend not in cell["backends"]:
        return "unsupported"
    if line is None:
        return "not run"
    if "refused" in line["seen"]:
        return "refused when it was run"
    return ", ".join(sorted({dtype for rank in line["seen"].values() for dtype in rank["updated"]}))
