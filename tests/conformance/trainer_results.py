"""What was seen at the trainers: trainer/results.json, for docs/research/trainer-values.md."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qwen_recipes.backends import load_backend
from qwen_recipes.verify.trainer_comparison import TrainerCheck

LONGEST = 300
"""Characters of a value that is kept."""


def write_cell(file: Path, cell: str, backend: str, found: dict[str, Any]) -> None:
    """Put one cell's result at one framework into the file, with version and date."""
    results = json.loads(file.read_text("utf-8")) if file.exists() else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    entry = {"version": load_backend(backend).version, "date": today, **found}
    results.setdefault(cell, {})[backend] = entry
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(results[name], sort_keys=True, ensure_ascii=False)}"
        for name in sorted(results)
    )
    part = file.with_suffix(".part")
    part.write_text("{\n" + lines + "\n}\n", "utf-8")
    part.replace(file)


def summarize_checks(checks: Iterable[TrainerCheck]) -> dict[str, Any]:
    """The checks of one trainer: fields that are as planned, those that differ, and by reason those not seen."""
    ok: list[str] = []
    differs: dict[str, Any] = {}
    unseen: dict[str, list[str]] = defaultdict(list)
    for check in checks:
        if check.result == "ok":
            ok.append(check.field)
        elif check.result == "differs":
            differs[check.field] = {"planned": _shorten(check.planned), "seen": _shorten(check.seen)}
        else:
            unseen[check.reason[:LONGEST]].append(check.field)
    return {"outcome": "observed", "ok": ok, "differs": differs, "not seen": dict(unseen)}


def _shorten(value: Any) -> Any:
    text = json.dumps(value, default=repr, ensure_ascii=False)
    return json.loads(text) if len(text) <= LONGEST else text[:LONGEST]
