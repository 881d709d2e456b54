"""Run a framework's own training command in this process, and write its speed and peak memory to a file.

    python research/measurements/timed_training.py RESULT.json TIMED llamafactory|ms-swift|axolotl CONFIG.yaml

A callback of transformers' Trainer, on which all three build, reads the clock at each step's end; tokens are those of
the attention mask, padding not among them. Speed is told over the last TIMED steps, memory over the whole run.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from memory_worker import read_peaks, read_synchronized_clock, record_speed

PACKAGES = ("torch", "transformers", "peft", "accelerate", "trl", "liger-kernel", "llamafactory", "ms-swift", "axolotl")


class TrainingClock:
    """What is found out while the framework trains."""

    def __init__(self, timed_steps: int) -> None:
        self.timed_steps, self.ends = timed_steps, list[float]()
        self.tokens: list[tuple[int, int]] = []
        self.found: dict[str, Any] = {}

    def attach_to_trainers(self) -> None:
        """To every Trainer that this process makes."""
        from transformers import Trainer, TrainerCallback

        clock = self

        class Clock(TrainerCallback):  # type: ignore[misc,unused-ignore]
            def on_step_end(self, *_: Any, **__: Any) -> None:
                clock.ends.append(read_synchronized_clock())

            def on_log(self, *_: Any, logs: dict[str, Any], **__: Any) -> None:
                clock.found["loss"] = logs.get("loss", clock.found.get("loss"))

        ordinary = Trainer.training_step

        def counted(self: Any, model: Any, inputs: dict[str, Any], *more: Any, **words: Any) -> Any:
            if not clock.ends:
                self.add_callback(Clock())
                clock.ends.append(read_synchronized_clock())
                clock.found["trainable"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
            mask = inputs.get("attention_mask")
            count = inputs["input_ids"].numel() if mask is None else mask.sum()
            clock.tokens.append((len(clock.ends), int(count)))
            clock.found["batch"] = list(inputs["input_ids"].shape)
            return ordinary(self, model, inputs, *more, **words)

        Trainer.training_step = counted

    def summarize(self) -> dict[str, Any]:
        """Bytes, tokens/s, seconds."""
        from importlib.metadata import PackageNotFoundError, version

        import torch

        found, ends = self.found, self.ends
        found |= read_peaks()
        if torch.cuda.is_available():
            found["gpu"] = torch.cuda.get_device_name()
        found["steps"] = max(0, len(ends) - 1)
        if len(ends) > self.timed_steps:
            count = sum(tokens for step, tokens in self.tokens if step >= len(ends) - self.timed_steps)
            record_speed(ends, self.timed_steps, count, found)
        found["versions"] = {}
        for name in PACKAGES:
            try:
                found["versions"][name] = version(name)
            except PackageNotFoundError:
                continue
        return found


def start_training(backend: str, config: str) -> None:
    """What the framework's command does in its own process, for one GPU."""
    if backend == "llamafactory":
        import yaml
        from llamafactory.train.tuner import run_exp  # type: ignore[import-not-found,unused-ignore]

        run_exp(yaml.safe_load(Path(config).read_text("utf-8")))
    elif backend == "ms-swift":
        from swift.cli.main import parse_yaml_args  # type: ignore[import-not-found,unused-ignore]

        arguments = [config]
        parse_yaml_args(arguments)
        sys.argv = ["sft", *arguments]
        runpy.run_module("swift.cli.sft", run_name="__main__")
    else:
        sys.argv = ["train", config]
        runpy.run_module("axolotl.cli.train", run_name="__main__")


def main() -> None:
    out, timed, backend, config = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    clock, started = TrainingClock(timed), time.perf_counter()
    clock.attach_to_trainers()
    try:
        start_training(backend, config)
        clock.found["outcome"] = "trained"
    except (Exception, SystemExit) as problem:
        where = traceback.format_exc(limit=-4)[-900:]
        clock.found |= {"outcome": "failed", "error": f"{type(problem).__name__}: {problem}"[:600], "where": where}
    finally:
        whole = clock.summarize() | {"seconds": round(time.perf_counter() - started, 1)}
        out.write_text(json.dumps(whole), "utf-8")


if __name__ == "__main__":
    main()
