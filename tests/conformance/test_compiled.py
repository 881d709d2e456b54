"""Every example, through each framework's own parser: taken, and resolved to the plan's values by all three."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen_recipes.backends.plan import Plan
from qwen_recipes.verify.parser import FrameworkParser

from .compiled import BACKENDS, EXAMPLES, parsed

RECIPES = sorted(EXAMPLES.glob("*.yaml"))
OPTIMIZERS = {"adamw_8bit": "adamw_bnb_8bit"}


def expected(plan: Plan) -> dict[str, Any]:
    """What every framework has to resolve a plan to."""
    t, m, q, h = plan.training, plan.method, plan.quantization, plan.hardware
    values: dict[str, Any] = {
        "learning_rate": t.learning_rate,
        "scheduler": t.scheduler,
        "adam_beta1": t.beta1,
        "adam_beta2": t.beta2,
        "adam_epsilon": t.epsilon,
        "weight_decay": t.weight_decay,
        "max_grad_norm": t.max_grad_norm,
        "optimizer": OPTIMIZERS.get(t.optimizer, t.optimizer),
        "micro_batch_size": t.micro_batch_size,
        "gradient_accumulation": t.gradient_accumulation,
        "world_size": h.world,
        "effective_batch_size": t.batch_size,
        "packing": t.packing,
        "precision": t.precision,
        "seed": t.seed,
        "max_steps": t.steps,
        "neftune": t.neftune,
        "attention": t.attention,
        "liger": t.liger,
        "output_dir": plan.output.dir,
        "report_to": [],
        "save_total_limit": t.keep_checkpoints,
        "logging_steps": t.log_every,
        "save_strategy": "epoch" if t.save_every == "epoch" else "steps",
        "save_steps": None if t.save_every == "epoch" else t.save_every,
        "eval_strategy": {"never": "no", "epoch": "epoch"}.get(str(t.evaluate_every), "steps"),
        "eval_steps": t.evaluate_every if isinstance(t.evaluate_every, int) else None,
        "deepspeed_stage": {"zero2": 2, "zero3": 3}.get(h.strategy),
        "fsdp": h.strategy == "fsdp",
        "quantization_bits": q.bits,
    }
    if t.steps is None:
        values["epochs"] = t.epochs
    if m.adapter:
        values |= {
            "rank": m.rank,
            "alpha": m.alpha,
            "dropout": m.dropout,
            "rslora": m.rslora,
            "dora": m.variant == "dora",
            "target_modules": sorted(m.targets),
        }
    if q.bits == 4:
        values |= {"quantization_type": q.type, "quantization_double": q.double}
    return values


def warmup_at(plan: Plan, steps: int, backend: str) -> int:
    """Steps of warmup in a run of this length. A share is rounded up, by Axolotl down: documented in docs/parity.md."""
    import math

    warmup = plan.training.warmup
    if warmup.steps is not None:
        return warmup.steps
    share = (warmup.ratio or 0.0) * steps
    return int(share) if backend == "axolotl" else math.ceil(share)


def max_length(plan: Plan, backend: str) -> int:
    """LLaMA-Factory keeps one token of a pack back: documented in docs/parity.md."""
    length = plan.training.sequence_length
    return length - 1 if backend == "llamafactory" and plan.training.packing else length


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("backend", BACKENDS)
def test_framework_resolves_the_plan(
    recipe: Path, backend: str, tmp_path: Path, framework_parser: Callable[[str], FrameworkParser]
) -> None:
    found = parsed(recipe, backend, tmp_path, framework_parser)
    if found is None:
        pytest.skip(f"{backend} is refused for this recipe, which tests/golden shows")
    made, answer = found
    assert answer.ok, answer.error
    wanted = expected(made.plan)
    got = {key: answer.arguments.get(key) for key in wanted}
    assert got == wanted
    assert answer.arguments["max_length"] == max_length(made.plan, backend)
    for steps in (100, 1000):
        assert answer.arguments[f"warmup_steps_at_{steps}"] == warmup_at(made.plan, steps, backend)


SAME = (
    "learning_rate scheduler adam_beta1 adam_beta2 weight_decay effective_batch_size max_length rank alpha dropout "
    "target_modules precision seed"
).split()


@pytest.mark.parametrize(
    ("recipe", "length", "fields"),
    [
        ("moe-lora", "training.steps=200", ["max_steps", "warmup_steps"]),
        ("two-gpus-lora", "training.epochs=5", ["epochs"]),
    ],
)
def test_one_recipe_is_the_same_run_in_all_three(
    recipe: str, length: str, fields: list[str], tmp_path: Path, framework_parser: Callable[[str], FrameworkParser]
) -> None:
    """The same run, field by field, from the frameworks' own resolved arguments."""
    sets = (length, "training.learning_rate=1.3e-4", "training.betas=[0.8, 0.98]", "training.seed=11")
    answers = {}
    for backend in BACKENDS:
        found = parsed(EXAMPLES / f"{recipe}.yaml", backend, tmp_path, framework_parser, sets)
        assert found is not None
        assert found[1].ok, found[1].error
        answers[backend] = found[1].arguments
    for field in [*SAME, *fields]:
        ours, *others = (answers[backend][field] for backend in BACKENDS)
        assert ours is not None, field
        assert all(other == ours for other in others), (field, ours, others)
