"""Whether a run fits the GPUs that are present, and what would make it; the estimator's word, before and after."""

from __future__ import annotations

from typing import Any

GIB = 1 << 30


def gpus_present() -> list[Any]:
    """The kinds of GPU that a run would see here and the catalogue has; none where there is no driver."""
    from qwen_recipes.estimate.gpus import gpu_of
    from qwen_recipes.launch.gpu import gpus

    found = (gpu_of(gpu.name, gpu.memory / 1024) for gpu in gpus())
    return list(dict.fromkeys(gpu for gpu in found if gpu is not None))


def verdicts_here(loaded: Any, compiled: Any) -> list[Any]:
    """The estimate for each kind of GPU here; none on a CPU, or where the catalogue does not know the GPUs."""
    if compiled.plan.hardware.device != "cuda":
        return []
    from qwen_recipes.cli.planned import verdict

    return [verdict(loaded, compiled.plan, compiled.backend, gpu) for gpu in gpus_present()]


def all_too_small(verdicts: list[Any]) -> bool:
    """Whether there are GPUs and it fits on none of them."""
    return bool(verdicts) and all(one.estimate.fits() == "no" for one in verdicts)


def not_fitting(verdicts: list[Any]) -> list[str]:
    """What is to say of GPUs that are too small, or may be: both numbers, then what would make it fit."""
    found = []
    for one in verdicts:
        made = one.estimate
        if (fits := made.fits()) == "yes":
            continue
        word = "does not fit" if fits == "no" else "may not fit"
        between = f"{made.low / GIB:.1f} to {made.high / GIB:.1f} GiB"
        found.append(f"it {word} on {made.gpu.name}: {between} of {made.usable / GIB:.1f} GiB that can be had")
        found += [f"  it would with {offer.options}" for offer in one.offers]
    return found


def planned(loaded: Any, compiled: Any) -> dict[str, float | None] | None:
    """What the record keeps of the estimate; None without one. Memory with CUDA's own, as nvidia-smi counts it."""
    from qwen_recipes.estimate.cost import CONTEXT

    verdicts = verdicts_here(loaded, compiled)
    if not verdicts:
        return None
    made = verdicts[0].estimate
    memory = {name: getattr(made, name) + CONTEXT for name in ("peak", "low", "high")}
    return memory | {"seconds": made.seconds, "tokens_per_second": made.tokens_per_second}


def counter_offers(loaded: Any, compiled: Any) -> list[str]:
    """After memory ran out: changes that take less by the estimate, the fastest first."""
    from qwen_recipes.cli.planned import rows_of
    from qwen_recipes.estimate import estimate, offers
    from qwen_recipes.estimate.gpus import gpu_named
    from qwen_recipes.qwen.models import model_facts

    plan = compiled.plan
    gpus = gpus_present() or [gpu_named(plan.hardware.gpu or "rtx-4090")]
    facts, rows = model_facts(plan.model.id, loaded.folder), rows_of(plan, loaded.folder)
    now = estimate(plan, facts, gpus[0], rows)
    found = [offer for offer in offers(plan, facts, gpus[0], compiled.backend, rows) if offer.estimate.peak < now.peak]
    return [f"{one.options} takes {_less(now, one):.1f} GiB less, at {one.speed:.0%} of the speed" for one in found]


def _less(now: Any, offer: Any) -> float:
    return float(now.peak - offer.estimate.peak) / GIB
