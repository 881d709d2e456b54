"""Run one cell through a framework's own entry point in this process, and write what its trainer took.

    python research/measurements/trainer_meter.py CASE.json

CASE.json: {"backend", "folder": compiled files, "cwd", "out": file, "lock": file, "cap": bytes or null, "gpu": index,
"quiet_cores", "cell"}. Peaks are read after every step and before anything resets them (a framework's call of
`reset_peak_memory_stats` is answered only after its peak has been kept); the driver's figure for this process (NVML) is
polled beside them. The lock is held from the second step on, so that no other cell's steps are in the time. Bytes,
seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import itertools
import json
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = (
    *("torch", "transformers", "peft", "accelerate", "trl", "bitsandbytes", "liger-kernel", "datasets"),
    *("llamafactory", "ms-swift", "axolotl"),
)
ENTRY = "trainer_entry.py"
POLL_S = 0.05
QUIET_CORES = 4
"""Cores for the cell whose steps are timed."""
RESETS = ("_cuda_resetPeakMemoryStats", "_accelerator_resetPeakStats")


class Meter:
    """What one process allocates, reserves and takes, by moment of a step."""

    def __init__(self, case: dict[str, Any]) -> None:
        import torch  # type: ignore[import-not-found,unused-ignore]

        self.case, self.cuda, self.born = case, torch.cuda, time.perf_counter()
        self.allocated = self.reserved = self.device = 0
        self.moments: dict[str, int] = {}
        self.lock: Any = None
        self.ends: list[float] = []
        self.batches: list[dict[str, Any]] = []
        self.found: dict[str, Any] = {"seconds": {}}
        self.reset = getattr(torch._C, RESETS[0])
        for name in RESETS:
            if hasattr(torch._C, name):
                setattr(torch._C, name, self._keep_before(getattr(torch._C, name)))
        threading.Thread(target=self._poll, daemon=True).start()

    def _keep_before(self, reset: Callable[..., Any]) -> Callable[..., Any]:
        def kept(*arguments: Any) -> Any:
            self.keep()
            return reset(*arguments)

        return kept

    def keep(self) -> int:
        """Hold on to the peaks since the last reset; the allocated one."""
        peak = int(self.cuda.max_memory_allocated())
        self.allocated = max(self.allocated, peak)
        self.reserved = max(self.reserved, int(self.cuda.max_memory_reserved()))
        return peak

    def end_moment(self, name: str) -> None:
        """The peak of a moment of a step, the largest of all steps, and what is allocated at its end."""
        peak = self.keep()
        self.reset(self.cuda.current_device())
        self.moments[name] = max(self.moments.get(name, 0), peak)
        after = f"{name}_after"
        self.moments[after] = max(self.moments.get(after, 0), int(self.cuda.memory_allocated()))

    def _poll(self) -> None:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

        pynvml.nvmlInit()
        device, own = pynvml.nvmlDeviceGetHandleByIndex(self.case["gpu"]), os.getpid()
        while True:
            with contextlib.suppress(pynvml.NVMLError):
                for one in pynvml.nvmlDeviceGetComputeRunningProcesses(device):
                    if one.pid == own and one.usedGpuMemory:
                        self.device = max(self.device, int(one.usedGpuMemory))
            time.sleep(POLL_S)

    def clock(self) -> float:
        """Once the device has done what it was told."""
        self.cuda.synchronize()
        return time.perf_counter()

    def attach(self) -> None:
        """To every transformers.Trainer of this process."""
        from accelerate import Accelerator
        from transformers import Trainer, TrainerCallback

        meter = self

        class Moments(TrainerCallback):  # type: ignore[misc,unused-ignore]
            def on_train_begin(self, *_: Any, **more: Any) -> None:
                meter.describe(more["model"])
                meter.end_moment("load")
                meter.ends.append(meter.clock())

            def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
                meter.end_moment("backward")

            def on_optimizer_step(self, *_: Any, **__: Any) -> None:
                meter.end_moment("update")

            def on_step_end(self, *_: Any, **__: Any) -> None:
                meter.ends.append(meter.clock())
                meter.end_moment("step")
                meter.found.setdefault("first_step", round(meter.ends[-1] - meter.ends[0], 3))
                if len(meter.ends) == 2 and not meter.case["cap"]:
                    meter.wait_for_gpu()

            def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
                if logs and "loss" in logs:
                    meter.found["loss"] = logs["loss"]

        train, step, backward = Trainer.train, Trainer.training_step, Accelerator.backward

        @functools.wraps(train)
        def timed_train(trainer: Any, *args: Any, **options: Any) -> Any:
            meter.found["seconds"]["to_trainer"] = time.perf_counter() - meter.born
            trainer.add_callback(Moments())
            began = meter.clock()
            done = train(trainer, *args, **options)
            meter.found["seconds"]["trainer"] = meter.clock() - began - meter.found["seconds"].get("waited", 0.0)
            meter.release_gpu()
            meter.trained = time.perf_counter()
            return done

        @functools.wraps(step)
        def counted_step(trainer: Any, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
            meter.batches.append({"step": len(meter.ends) - 1, **describe_batch(inputs)})
            return step(trainer, model, inputs, *args, **options)

        @functools.wraps(backward)
        def marked_backward(accelerator: Any, *args: Any, **options: Any) -> Any:
            meter.end_moment("forward")
            return backward(accelerator, *args, **options)

        Trainer.train, Trainer.training_step, Accelerator.backward = timed_train, counted_step, marked_backward

    def wait_for_gpu(self) -> None:
        """Let no other cell train meanwhile, but for its first step, which compiles kernels."""
        waited = time.perf_counter()
        self.lock = Path(self.case["lock"]).open("w")  # noqa: SIM115
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.found["seconds"]["waited"] = time.perf_counter() - waited
        move_to_cores(self.case["quiet_cores"])
        self.ends[-1] = time.perf_counter()

    def release_gpu(self) -> None:
        """Others may train."""
        if self.lock:
            self.lock.close()

    def describe(self, model: Any) -> None:
        """Weights by dtype, trained and not."""
        kinds: dict[str, int] = {}
        for weight in model.parameters():
            kind = f"{'trained' if weight.requires_grad else 'frozen'} {str(weight.dtype).removeprefix('torch.')}"
            kinds[kind] = kinds.get(kind, 0) + weight.numel()
        self.found["weights"] = kinds

    def summarize(self) -> dict[str, Any]:
        """All that was found."""
        with contextlib.suppress(Exception):
            self.keep()
        found, ends = self.found, self.ends
        steps = [round(after - before, 4) for before, after in itertools.pairwise(ends)]
        steps[:1] = [found["first_step"]] if steps else []
        seconds = found["seconds"]
        if hasattr(self, "trained"):
            seconds["after"] = time.perf_counter() - self.trained
        seconds["all"] = time.perf_counter() - self.born
        found["seconds"] = {name: round(value, 2) for name, value in seconds.items()}
        return found | {
            "steps": len(steps),
            "step_seconds": steps,
            "micro_batches": summarize_batches(self.batches),
            "moments": self.moments,
            "peak_allocated": self.allocated,
            "peak_reserved": self.reserved,
            "device_used": self.device,
            "host_peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "gpu": self.cuda.get_device_name(),
            "allocator": os.environ.get("PYTORCH_ALLOC_CONF") or os.environ.get("PYTORCH_CUDA_ALLOC_CONF") or "",
            "expandable": self.read_expandable(),
            "versions": read_versions(),
        }

    def read_expandable(self) -> bool | None:
        """Whether the allocator's segments grow: what it does, which a variable set too late does not tell."""
        with contextlib.suppress(Exception):
            return bool(self.cuda.memory._snapshot()["allocator_settings"]["expandable_segments"])
        return None


def move_to_cores(cores: list[int]) -> None:
    """Let all threads of this process run where no other cell does; the driver keeps these cores free."""
    for thread in Path("/proc/self/task").iterdir() if cores else ():
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


def describe_batch(inputs: Any) -> dict[str, Any]:
    """Tokens of a micro-batch: all that stand in it, and those that are attended to."""
    if not hasattr(inputs, "items"):
        return {"shapes": [], "padded": 0, "tokens": 0}
    ids = [value for name, value in inputs.items() if name.endswith("input_ids") and hasattr(value, "shape")]
    masks = [
        value for name, value in inputs.items() if name.endswith("attention_mask") and getattr(value, "ndim", 0) == 2
    ]
    padded = sum(int(value.numel()) for value in ids)
    attended = sum(int((mask != 0).sum()) for mask in masks)
    return {"shapes": [list(value.shape) for value in ids], "padded": padded, "tokens": attended or padded}


def summarize_batches(batches: list[dict[str, Any]]) -> dict[str, float]:
    """How many micro-batches, their mean tokens without and with padding, and the tokens of the largest."""
    if not batches:
        return {"count": 0, "tokens": 0.0, "padded": 0.0, "largest": 0}
    tokens, padded = ([batch[name] for batch in batches] for name in ("tokens", "padded"))
    means = [round(sum(values) / len(batches), 1) for values in (tokens, padded)]
    return {"count": len(batches), "tokens": means[0], "padded": means[1], "largest": max(padded)}


def read_versions() -> dict[str, str]:
    """Of what decides about memory."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def prepare_rows(case: dict[str, Any]) -> None:
    """What run.sh does first."""
    os.chdir(case["cwd"])
    sys.path.insert(0, case["folder"])
    import_module("rows.prepare").main(str(Path(case["folder"]) / "rows.json"))


def start_compiled(case: dict[str, Any], meter: Meter) -> None:
    """The command that run.sh ends with."""
    sys.path.insert(0, str(HERE.parents[1] / "qwen_recipes" / "verify"))
    worker = import_module("trainer.worker")
    backends = HERE.parents[1] / "qwen_recipes" / "backends"
    framework = worker.load_file(str(backends / case["backend"].replace("-", "_") / "trainer_entry.py"))
    prepare_rows(case)
    meter.found["seconds"]["rows"] = time.perf_counter() - meter.born
    framework.load()
    meter.found["seconds"]["imports"] = time.perf_counter() - meter.born
    meter.attach()
    worker.start_framework(framework, case)


def main() -> None:
    case = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    import torch

    if case["cap"]:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, case["cap"] / total))
    meter = Meter(case)
    try:
        start_compiled(case, meter)
        outcome: dict[str, Any] = {"outcome": "trained"}
    except SystemExit as ended:
        outcome = {"outcome": "trained"} if ended.code in (0, None) else {"outcome": "failed", "error": str(ended.code)}
    except BaseException as problem:
        text = traceback.format_exc()
        ran_out = isinstance(problem, torch.OutOfMemoryError) or "out of memory" in text.lower()
        outcome = {"outcome": "out of memory" if ran_out else "failed"}
        outcome["error"] = f"{type(problem).__name__}: {problem}"[:400]
        if not ran_out:
            outcome["where"] = text[-1500:]
            print(text, file=sys.stderr)
    if outcome["outcome"] == "trained" and not meter.ends:
        outcome = {"outcome": "failed", "error": "its trainer never began"}
    Path(case["out"]).write_text(json.dumps(outcome | meter.summarize()), "utf-8")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
