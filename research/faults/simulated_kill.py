"""A run's output folder as a kill leaves it.

Fault tests and `research/measurements/resume_on_two_gpus.py` resume from there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def simulate_kill(output: Path, uninterrupted: Path, step: int) -> None:
    """The output of an uninterrupted run as it was after `step`."""
    shutil.copytree(uninterrupted, output)
    for folder in [one for one in output.glob("checkpoint-*") if int(one.name.partition("-")[2]) > step]:
        shutil.rmtree(folder)
    for name in ("adapter_model.safetensors", "trainer_state.json", "trainer_log.jsonl", "logging.jsonl"):
        (output / name).unlink(missing_ok=True)
    record = {**json.loads((uninterrupted / "run.json").read_text("utf-8")), "status": "killed", "output": str(output)}
    (output / "run.json").write_text(json.dumps(record), "utf-8")
