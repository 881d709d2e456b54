"""A run's output folder as a kill leaves it; fault tests and `scripts/measure/resume_sharded.py` go on from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def as_if_killed(output: Path, whole: Path, step: int) -> None:
    """The output of an uninterrupted run, `whole`, as it was after `step`."""
    shutil.copytree(whole, output)
    for folder in [one for one in output.glob("checkpoint-*") if int(one.name.partition("-")[2]) > step]:
        shutil.rmtree(folder)
    for name in ("adapter_model.safetensors", "trainer_state.json", "trainer_log.jsonl", "logging.jsonl"):
        (output / name).unlink(missing_ok=True)
    record = {**json.loads((whole / "run.json").read_text("utf-8")), "status": "killed", "output": str(output)}
    (output / "run.json").write_text(json.dumps(record), "utf-8")
