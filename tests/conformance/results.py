"""What really trained: results.json, run by run and backend by backend, for docs/research/training-runs.md."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Literal

from qwen_recipes.backends import load_backend

Outcome = Literal["parsed", "trained", "refused", "not run", "failed"]


def write_result(run: str, backend: str, outcome: Outcome, reason: str) -> None:
    """Keep the outcome in the file that QWEN_RECIPES_RESULTS names, if it names one."""
    if not (name := os.environ.get("QWEN_RECIPES_RESULTS")):
        return
    file = Path(name)
    results = json.loads(file.read_text("utf-8")) if file.exists() else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    found = {"outcome": outcome, "version": load_backend(backend).version, "date": today}
    results.setdefault(run, {})[backend] = {**found, "why": reason} if reason else found
    part = file.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    part.replace(file)
