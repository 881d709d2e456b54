"""Measure cells one after the other in one process: a JSON cell a line on stdin, its result a line on stdout.

    python research/measurements/memory_worker.py plain|llamafactory plain|liger FOLDER

Liger's kernels replace classes of the whole process, so a process is with them or without. A cell of LLaMA-Factory
names its compiled config (`config`) and the folder that its paths are seen from (`folder`).
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch  # type: ignore[import-not-found,unused-ignore]

STEPS = 6
TIMED_STEPS = 3
"""The last steps, of which the speed is told."""
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
MemoryCell = dict[str, Any]


class DeviceMemoryWatch:
    """What the device reports as used, by all processes on it, looked at ten times a second."""

    def __init__(self) -> None:
        self.peak, self.stopped = 0, False
        self.thread = threading.Thread(target=self._poll, daemon=True)
        self.thread.start()

    def _poll(self) -> None:
        while not self.stopped:
            if DEVICE.type == "cuda":
                free, total = torch.cuda.mem_get_info()
                self.peak = max(self.peak, total - free)
            time.sleep(0.1)

    def stop(self) -> int:
        """Bytes."""
        self.stopped = True
        self.thread.join()
        return self.peak


def free_memory() -> None:
    """Give back all that the last cell held."""
    gc.collect()
    if DEVICE.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def read_reserved_bytes() -> int:
    """Bytes that the allocator holds."""
    return int(torch.cuda.memory_reserved()) if DEVICE.type == "cuda" else 0


def read_peaks() -> dict[str, int]:
    """Bytes: the allocator's peaks since the cell began."""
    if DEVICE.type != "cuda":
        return {"peak_allocated": 0, "peak_reserved": 0}
    return {
        "peak_allocated": torch.cuda.max_memory_allocated(),
        "peak_reserved": torch.cuda.max_memory_reserved(),
    }


def limit_allocator(cap_gb: int | None) -> None:
    """GiB that the allocator may hold; None: all."""
    if DEVICE.type == "cuda":
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, cap_gb * 2**30 / total) if cap_gb else 1.0)


def read_synchronized_clock() -> float:
    """The clock, once the device has done what it was told."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def train_plain(cell: MemoryCell, result: dict[str, Any]) -> None:
    """transformers and peft in a loop of our own: autocast, gradients clipped."""
    from random_memory_model import build_model, build_optimizer, make_trainable

    limit_allocator(cell["cap_gb"])
    model = make_trainable(build_model(cell["size"], cell["bits"], DEVICE), cell)
    result["trainable"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    gc.collect()
    result["loaded"] = torch.cuda.memory_allocated() if DEVICE.type == "cuda" else 0
    update = build_optimizer(model, cell["optimizer"])
    model.train()
    shape = (cell["micro_batch"], cell["seq"])
    ends = [read_synchronized_clock()]
    for _ in range(STEPS):
        rows = torch.randint(0, model.config.vocab_size, shape, device=DEVICE)
        with torch.autocast(DEVICE.type, torch.bfloat16):
            loss = model(input_ids=rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1.0)
        update.step()
        update.zero_grad()
        ends.append(read_synchronized_clock())
        result["steps"] = len(ends) - 1
    result["loss"] = round(loss.item(), 4)
    record_speed(ends, TIMED_STEPS, TIMED_STEPS * cell["micro_batch"] * cell["seq"], result)


def record_speed(ends: list[float], timed_steps: int, tokens: int, result: dict[str, Any]) -> None:
    """Tokens a second over the last `timed_steps` steps, in which there were so many tokens, padding not among them."""
    result["tokens_per_second"] = round(tokens / (ends[-1] - ends[-1 - timed_steps]), 1)
    result["step_seconds"] = [round(b - a, 4) for a, b in itertools.pairwise(ends)]


def train_llamafactory(cell: MemoryCell, result: dict[str, Any]) -> None:
    """The framework's own trainer, on what `recipes compile` wrote; its last save of the weights is left out."""
    import yaml
    from llamafactory.train.sft.trainer import (  # type: ignore[import-not-found,unused-ignore]
        CustomSeq2SeqTrainer,
    )
    from llamafactory.train.tuner import run_exp  # type: ignore[import-not-found,unused-ignore]
    from transformers import TrainerCallback

    limit_allocator(cell["cap_gb"])
    os.chdir(cell["folder"])
    ends: list[float] = []
    tokens: list[tuple[int, Any]] = []

    class Clock(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_train_begin(self, *_: Any, **more: Any) -> None:
            ends.append(read_synchronized_clock())
            result["trainable"] = sum(p.numel() for p in more["model"].parameters() if p.requires_grad)
            result["loaded"] = torch.cuda.memory_allocated() if DEVICE.type == "cuda" else 0

        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(read_synchronized_clock())
            result["steps"] = len(ends) - 1

        def on_log(self, *_: Any, logs: dict[str, Any], **__: Any) -> None:
            result["loss"] = logs.get("loss", result.get("loss"))

    def shaped(self: Any, model: Any, inputs: dict[str, Any], *more: Any, **words: Any) -> Any:
        result["batch"] = list(inputs["input_ids"].shape)
        tokens.append((len(ends), inputs["attention_mask"].sum()))
        return ordinary(self, model, inputs, *more, **words)

    ordinary = CustomSeq2SeqTrainer.compute_loss
    CustomSeq2SeqTrainer.save_model = lambda *_, **__: None
    CustomSeq2SeqTrainer.compute_loss = shaped
    try:
        run_exp(yaml.safe_load(Path(cell["config"]).read_text("utf-8")), [Clock()])
    finally:
        CustomSeq2SeqTrainer.compute_loss = ordinary
    timed = cell.get("timed", TIMED_STEPS)
    record_speed(ends, timed, sum(int(count) for step, count in tokens if step >= len(ends) - timed), result)


def measure_cell(cell: MemoryCell) -> dict[str, Any]:
    """One cell's result. Out of memory is one; another error is told as such."""
    found: dict[str, Any] = {}
    free_memory()
    found["reserved_before"] = read_reserved_bytes()
    watch, start = DeviceMemoryWatch(), time.perf_counter()
    try:
        {"plain": train_plain, "llamafactory": train_llamafactory}[cell["stack"]](cell, found)
        found["outcome"] = "trained"
    except torch.OutOfMemoryError as problem:
        found |= {"outcome": "out of memory", "error": str(problem)[:300]}
    except Exception as problem:
        import traceback

        where = traceback.format_exc(limit=-4)[-900:]
        found |= {"outcome": "failed", "error": f"{type(problem).__name__}: {problem}"[:600], "where": where}
    found |= read_peaks() | {"device_used": watch.stop(), "seconds": round(time.perf_counter() - start, 2)}
    return found


@contextmanager
def reserve_stdout() -> Iterator[Any]:
    """What libraries print goes to stderr; the results have the real stdout."""
    real = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    yield real


def read_versions() -> dict[str, str]:
    """Of what decides about memory."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"torch": torch.__version__}
    for name in ("transformers", "peft", "accelerate", "bitsandbytes", "liger-kernel", "llamafactory", "trl"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    stack, kernels, _ = sys.argv[1:]
    if stack == "plain" and kernels == "liger":
        from liger_kernel.transformers import (  # type: ignore[import-not-found,unused-ignore]
            apply_liger_kernel_to_qwen3,
        )

        apply_liger_kernel_to_qwen3()
    about = {"versions": read_versions()}
    about["gpu"] = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "none"  # type: ignore[assignment]
    with reserve_stdout() as out:
        for line in sys.stdin:
            cell = json.loads(line)
            result = measure_cell(cell) | about
            free_memory()
            result["reserved_after"] = read_reserved_bytes()
            print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main()
