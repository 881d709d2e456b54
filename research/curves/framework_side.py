"""Train compiled files to the end, one case a process: `python -m framework_side trainer_entry.py CASE.json…`.

Run by a framework's own interpreter, beside a copy of `qwen_recipes/verify/trainer`, whose cases these are. A case may
hold `"edits"`: keys of the config, once the rows program has written its steps into it, None takes one out;
`"sequential": true`: examples are drawn in the order of the file where the framework has no key for that; and
`"stop_after"`: a number of optimizer steps, the schedule stays that of the whole run. `out` gets {"log": of the
trainer, "settings": some of what it trains by, "seconds"}.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

worker = import_module("trainer.worker")
ARGUMENTS = (
    *("optim", "adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay", "max_grad_norm", "lr_scheduler_type"),
    *("warmup_steps", "warmup_ratio", "seed", "gradient_checkpointing"),
)
ADAPTER = ("r", "lora_alpha", "lora_dropout", "use_rslora")


def train(framework: ModuleType, case: dict[str, Any]) -> None:
    """Run the framework until its trainer has trained; ends the process then."""
    edit_config(Path(case["config"]), case.get("edits") or {})
    cls = import_module("transformers").Trainer
    cls.train = _report_when_trained(cls.train, Path(case["out"]), case.get("stop_after"))
    if case.get("sequential"):
        sampler = import_module("torch.utils.data").SequentialSampler
        cls._get_train_sampler = lambda trainer, dataset=None: sampler(trainer.train_dataset)
    worker.start_framework(framework, case)


def edit_config(file: Path, edits: dict[str, Any]) -> None:
    """Set keys of a YAML file; None removes one."""
    yaml = import_module("yaml")
    changed = {**yaml.safe_load(file.read_text("utf-8")), **edits}
    kept = {key: value for key, value in changed.items() if value is not None}
    file.write_text(yaml.safe_dump(kept, sort_keys=False), "utf-8")


def _report_when_trained(method: Any, out: Path, stop_after: int | None) -> Any:
    @functools.wraps(method)
    def train_and_report(trainer: Any, *args: Any, **options: Any) -> Any:
        began = time.monotonic()
        if stop_after is not None:
            trainer.add_callback(_make_stop(stop_after))
        method(trainer, *args, **options)
        seconds = round(time.monotonic() - began, 1)
        found = {"log": trainer.state.log_history, "settings": _read_settings(trainer), "seconds": seconds}
        worker.write_json(out, found)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    return train_and_report


def _read_settings(trainer: Any) -> dict[str, str]:
    held = {name: getattr(trainer.args, name) for name in ARGUMENTS if hasattr(trainer.args, name)}
    configs = list(getattr(trainer.model, "peft_config", {}).values())
    held |= {name: getattr(configs[0], name) for name in ADAPTER} if configs else {}
    return {name: str(getattr(value, "value", value)) for name, value in held.items()}


def _make_stop(after: int) -> Any:
    class StopAfter(import_module("transformers").TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_options: Any) -> None:
            control.should_training_stop = control.should_training_stop or state.global_step >= after

    return StopAfter()


if __name__ == "__main__":
    sys.modules["__main__"].__spec__ = None  # processes that a framework spawns would import this module
    del __file__
    worker.main(sys.argv[1], sys.argv[2:], train)
