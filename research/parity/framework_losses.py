"""The first losses of a preference trainer: `python -m framework_losses trainer_entry.py CASE.json…`.

Run by a framework's own interpreter beside a copy of `qwen_recipes/verify/trainer`, whose cases these are. What is
trained is moved by drawn numbers first, so that policy and reference differ. `out` gets {"batches": as observed,
"losses": of each, "metrics": what the trainer stored of each}; the weights lie beside it as `.safetensors`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from zlib import crc32

DEVIATION = 0.05
"""Of the numbers that are added to trained weights."""
worker, stop, batches_of = (import_module(f"trainer.{name}") for name in ("worker", "stop", "batches"))


def measure(framework: ModuleType, case: dict[str, Any]) -> None:
    """Run the framework until its first batches are drawn, and compute their losses; ends the process then."""

    def act(trainer: Any, batches: list[Any], counted: Any) -> None:
        move_weights(trainer.model)
        turn_off_head_dropout(trainer.model)
        out = Path(case["out"])
        held = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
        import_module("safetensors.torch").save_file(held, out.with_suffix(".safetensors"))
        observed = batches_of.observe_batches(trainer, batches, counted)
        found = [measure_batch(trainer, batch) for batch in batches]
        losses, metrics = ([one[place] for one in found] for place in (0, 1))
        worker.write_json(out, {"batches": observed, "losses": losses, "metrics": metrics})

    stop.stop_at_first_batch(act, case["batches"])
    worker.start_framework(framework, case)


def move_weights(model: Any) -> None:
    """Add drawn numbers to all that is trained, the same in each run."""
    torch = import_module("torch")
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            draw = torch.Generator().manual_seed(crc32(name.encode()))
            weight.data.add_(torch.randn(weight.shape, generator=draw) * DEVIATION)


def turn_off_head_dropout(model: Any) -> None:
    """TRL's value head, which LLaMA-Factory's reward models have, drops a tenth of its input whatever is set."""
    head = getattr(model, "v_head", None)
    if head is not None and hasattr(getattr(head, "dropout", None), "p"):
        head.dropout.p = 0.0


def measure_batch(trainer: Any, batch: Any) -> tuple[float, dict[str, float]]:
    """The loss of a micro-batch as a training step computes it, and what the trainer stored for its log."""
    torch = import_module("torch")
    stores = [getattr(trainer, name, {}) for name in ("_metrics", "_stored_metrics")]
    for store in stores:
        store.get("train", {}).clear()
    with torch.no_grad():
        loss = trainer.compute_loss(trainer.model, trainer._prepare_inputs(batch))
    stored = {name: values for store in stores for name, values in store.get("train", {}).items()}
    return float(loss), {name: float(values[-1]) for name, values in stored.items() if values}


if __name__ == "__main__":
    sys.modules["__main__"].__spec__ = None  # processes that a framework spawns would import this module
    del __file__
    worker.main(sys.argv[1], sys.argv[2:], measure)
