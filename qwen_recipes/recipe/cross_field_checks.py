"""What no recipe can mean: fields that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.column_checks import check_reading
from qwen_recipes.recipe.interval_checks import check_intervals, check_sampling, check_schedule
from qwen_recipes.recipe.objective_formats import (
    FORMATS_BY_OBJECTIVE,
    LOW_RANK_OPTIMIZERS,
    NEXT_TOKEN_OBJECTIVES,
    OBJECTIVES_BY_FIELD,
)
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.model_and_data import Source

_ADAPTER_FIELDS = (
    "variant",
    "rank",
    "alpha",
    "dropout",
    "targets",
    "rslora",
    "lora_plus",
    "modules_to_save",
    "start_from",
    "start_from_revision",
)
OFFLOADS_BY_STRATEGY = {"zero1": ("optimizer",), "zero2": ("optimizer",), "fsdp": ("all",), "fsdp1": ("all",)}
"""What a strategy can keep in host memory, where that is not everything."""
FULL_WEIGHT_METHODS = ("full", "freeze")
"""Methods that train the model's own weights."""
_SCALED_BY_BETA = {"dpo": 0.1, "kto": 0.1, "simpo": 2.0}
"""Objectives whose loss sees the model's probabilities only times beta, and a usual beta."""
_FOUR_BIT_FIELDS = ("type", "double", "storage")


def find_contradictions(recipe: Recipe) -> list[Finding]:
    """Every pair of fields that can't both be meant."""
    checks = (
        _check_sources,
        _check_objective,
        _check_batch_size,
        _check_training,
        _check_adapter,
        _check_adapter_revision,
        _check_quantization,
        _check_hardware,
        _check_evaluation,
    )
    return [finding for check in checks for finding in check(recipe)]


def _make_error(route: Route, message: str, suggestion: str, why: str = "") -> Finding:
    return Finding("recipe", "error", message, route, why=why, suggestion=suggestion)


def _get_objective_type(recipe: Recipe) -> str:
    return (recipe.objective.type if recipe.objective else None) or "sft"


def _check_sources(recipe: Recipe) -> Iterator[Finding]:
    held_out = recipe.data.validation if isinstance(recipe.data.validation, list) else []
    for name, sources in (("train", recipe.data.train), ("validation", held_out)):
        for index, source in enumerate(sources):
            yield from _check_source(source, ("data", name, index), _get_objective_type(recipe))


def _check_source(source: Source, route: Route, objective_type: str) -> Iterator[Finding]:
    if (source.path is None) == (source.hub is None):
        yield _make_error(route, "a source needs either `path` or `hub`, not both", "keep one of `path` and `hub`")
    if source.hub is None:
        for name in ("subset", "split", "revision"):
            if getattr(source, name) is not None:
                yield _make_error(
                    (*route, name), f"`{name}` applies to data sets on the hub", f"remove `{name}`, or set `hub`"
                )
    yield from check_reading(source, route, objective_type)
    if source.format and source.format not in FORMATS_BY_OBJECTIVE[objective_type]:
        yield _make_error(
            (*route, "format"),
            f"`{objective_type}` cannot train on the layout `{source.format}`",
            f"use data in the layout {' or '.join(FORMATS_BY_OBJECTIVE[objective_type])}, and set `format` to it",
        )


def _check_objective(recipe: Recipe) -> Iterator[Finding]:
    kind = _get_objective_type(recipe)
    for name, kinds in OBJECTIVES_BY_FIELD.items():
        if recipe.objective and getattr(recipe.objective, name) is not None and kind not in kinds:
            route: Route = ("objective", name)
            yield _make_error(
                route, f"`objective.{name}` does not apply to `{kind}`", f"it applies to {', '.join(kinds)}"
            )
    if kind == "sft" and recipe.objective and recipe.objective.reference and recipe.objective.kl_weight is None:
        message = "`objective.reference` does not apply to `sft` without `kl_weight`"
        yield _make_error(("objective", "reference"), message, "remove `reference`, or set `kl_weight`")
    if kind in _SCALED_BY_BETA and recipe.objective and recipe.objective.beta == 0:
        why = "the loss sees the model's probabilities times beta: 0 leaves no gradient, or divides by 0"
        instead = f"beta: {_SCALED_BY_BETA[kind]:g}"
        yield _make_error(("objective", "beta"), f"`{kind}` learns nothing from `beta: 0`", instead, why)
    yield from _check_rewards(recipe, kind)
    yield from check_sampling(recipe.objective)
    if kind == "pretrain" and recipe.chat is not None and recipe.chat.model_fields_set - {"encoding"}:
        instead = "keep only `encoding` under `chat`, or set `objective: sft`"
        yield _make_error(("chat",), "`chat` does not apply to plain text, which has no chat template", instead)
    if kind not in NEXT_TOKEN_OBJECTIVES and recipe.training and recipe.training.packing:
        yield _make_error(("training", "packing"), f"`{kind}` does not support packing", "remove `packing`")
    yield from _check_packs(recipe)


def _check_packs(recipe: Recipe) -> Iterator[Finding]:
    t = recipe.training
    if t is None or t.packing:
        return
    if t.pack_length is not None:
        yield _make_error(("training", "pack_length"), "`pack_length` needs `packing: true`", "packing: true")
    if t.batch_size is not None and t.batch_size.packs is not None:
        suggestion = f"batch_size: {t.batch_size.packs} counts examples; or packing: true"
        yield _make_error(("training", "batch_size", "packs"), "`packs` needs `packing: true`", suggestion)


def _check_batch_size(recipe: Recipe) -> Iterator[Finding]:
    size = recipe.training.batch_size if recipe.training else None
    if size is not None and (size.examples is None) == (size.packs is None):
        message = "`batch_size` is a number of examples, or `{packs: N}`"
        yield _make_error(("training", "batch_size"), message, "batch_size: 16, or batch_size: {packs: 16}")


def _check_rewards(recipe: Recipe, objective_type: str) -> Iterator[Finding]:
    rewards = (recipe.objective.rewards if recipe.objective else None) or []
    if objective_type == "grpo" and not rewards:
        yield _make_error(
            ("objective",),
            "`grpo` needs `rewards`: functions in a Python file that score each answer",
            "objective: {type: grpo, rewards: [{path: rewards.py, function: right_answer}]}",
        )
    for index, reward in enumerate(rewards):
        if reward.function in {other.function for other in rewards[:index]}:
            route: Route = ("objective", "rewards", index, "function")
            yield _make_error(route, f"two reward functions have the name `{reward.function}`", "rename one of them")


def _check_training(recipe: Recipe) -> Iterator[Finding]:
    training = recipe.training
    if training and training.epochs is not None and training.steps is not None:
        yield _make_error(
            ("training", "steps"), "`training.steps` and `training.epochs` are both set", "keep one of them"
        )
    if recipe.data.streaming and not (training and training.steps):
        why = "the length of streamed data is not known beforehand"
        yield _make_error(("data", "streaming"), "`data.streaming` needs `training.steps`", "steps: 500", why)
    if training and training.low_rank and training.optimizer not in LOW_RANK_OPTIMIZERS:
        words = " or ".join(LOW_RANK_OPTIMIZERS)
        yield _make_error(
            ("training", "low_rank"), f"`training.low_rank` applies to {words} only", f"optimizer: {words}"
        )
    if (
        training
        and training.optimizer in LOW_RANK_OPTIMIZERS
        and (recipe.method is None or recipe.method.type not in FULL_WEIGHT_METHODS)
    ):
        instead = "method: full, or another optimizer"
        why = "the gradients of an adapter already have a low rank"
        message = f"`{training.optimizer}` needs full fine-tuning, not an adapter"
        yield _make_error(("training", "optimizer"), message, instead, why)
    kernels = (training.kernels if training else None) or []
    if "none" in kernels and len(kernels) > 1:
        others = [kernel for kernel in dict.fromkeys(kernels) if kernel != "none"]
        instead = f"kernels: {others if others else 'none'}"
        yield _make_error(("training", "kernels"), "`none` cannot be combined with other kernels", instead)
    yield from check_schedule(training)


def _check_adapter(recipe: Recipe) -> Iterator[Finding]:
    method = recipe.method
    if method is None:
        return
    if method.type in ("full", "freeze"):
        for name in _ADAPTER_FIELDS:
            if getattr(method, name) is not None:
                yield _make_error(
                    ("method", name),
                    f"`method.{name}` applies to adapters, and `method.type` is `{method.type}`",
                    f"remove `{name}`, or set `type: lora`",
                )
    if method.type == "full" and method.layers is not None:
        yield _make_error(
            ("method", "layers"), "`method.layers` does not apply to `full`, which trains all layers", "type: freeze"
        )
    if method.type in ("dora", "qdora") and method.variant not in (None, "dora"):
        yield _make_error(
            ("method", "variant"),
            f"`type: {method.type}` means `variant: dora`, not `{method.variant}`",
            "remove `variant`",
        )


def _check_adapter_revision(recipe: Recipe) -> Iterator[Finding]:
    method = recipe.method
    if method and method.start_from_revision is not None and method.start_from is None:
        message = "`start_from_revision` needs `start_from`, the adapter on the hub"
        yield _make_error(("method", "start_from_revision"), message, "start_from: ORGANISATION/NAME, or remove it")


def _check_quantization(recipe: Recipe) -> Iterator[Finding]:
    quantization = recipe.quantization
    if quantization is None:
        return
    if recipe.method and recipe.method.type in ("full", "freeze"):
        yield _make_error(
            ("quantization",),
            "quantized weights cannot be fine-tuned directly",
            "remove `quantization`, or set `method: qlora`",
            "quantized weights have no gradients",
        )
    if quantization.bits == 8:
        for name in _FOUR_BIT_FIELDS:
            if getattr(quantization, name) is not None:
                yield _make_error(
                    ("quantization", name),
                    f"`quantization.{name}` applies to 4 bits only",
                    f"remove `{name}`, or set `bits: 4`",
                )


def _check_hardware(recipe: Recipe) -> Iterator[Finding]:
    hardware = recipe.hardware
    if hardware is None:
        return
    for name in ("pipeline_parallel", "expert_parallel"):
        if (getattr(hardware, name) or 1) > 1 and hardware.strategy != "megatron":
            yield _make_error(("hardware", name), f"`hardware.{name}` needs `strategy: megatron`", "strategy: megatron")
    several = (hardware.gpus or 1) * (hardware.nodes or 1) > 1
    if hardware.device == "cpu":
        for name in ("gpu", "gpus", "nodes"):
            if getattr(hardware, name) is not None:
                yield _make_error(("hardware", name), f"`hardware.{name}` does not apply to `device: cpu`", "keep one")
        if hardware.strategy not in (None, "auto", "single"):
            yield _make_error(("hardware", "strategy"), "CPU training uses one process", "remove `strategy`")
    elif several and hardware.strategy == "single":
        yield _make_error(
            ("hardware", "strategy"), "`strategy: single` uses one GPU, but the recipe has several", "strategy: auto"
        )
    elif not several and hardware.strategy == "ddp":
        yield _make_error(("hardware", "strategy"), "`ddp` needs at least two GPUs", "set `gpus`, or `strategy: auto`")
    if hardware.offload not in (None, "none") and hardware.strategy in (None, "auto", "single", "ddp"):
        yield _make_error(
            ("hardware", "offload"),
            "`hardware.offload` needs a strategy that shards",
            "strategy: zero2, zero3, fsdp or fsdp1",
        )
    if hardware.offload not in (None, "none") and hardware.offload not in OFFLOADS_BY_STRATEGY.get(
        hardware.strategy or "", ("optimizer", "all")
    ):
        yield _make_error(
            ("hardware", "offload"),
            f"`strategy: {hardware.strategy}` does not support `offload: {hardware.offload}`",
            f"offload: {OFFLOADS_BY_STRATEGY[hardware.strategy or ''][0]}",
        )


def _check_evaluation(recipe: Recipe) -> Iterator[Finding]:
    training = recipe.training
    if training is not None:
        yield from check_intervals(training)
    if training is None or recipe.data.validation is not None:
        return
    for name in ("early_stopping", "evaluate_every", "evaluations_per_epoch"):
        if getattr(training, name) is not None:
            yield _make_error(
                ("training", name),
                f"`training.{name}` needs validation data",
                "add `validation: 0.05` under `data`",
            )
