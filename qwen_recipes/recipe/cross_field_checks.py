"""What no recipe can mean: fields that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.finding import Finding, Route
from qwen_recipes.recipe.column_checks import check_reading
from qwen_recipes.recipe.interval_checks import check_intervals, check_sampling, check_schedule
from qwen_recipes.recipe.objective_formats import FORMATS_BY_OBJECTIVE, LOW_RANK_OPTIMIZERS, OBJECTIVES_BY_FIELD
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
)
OFFLOADS_BY_STRATEGY = {"zero1": ("optimizer",), "zero2": ("optimizer",), "fsdp": ("all",), "fsdp1": ("all",)}
"""What a strategy can keep in host memory, where that is not everything."""
FULL_WEIGHT_METHODS = ("full", "freeze")
"""Methods that train the model's own weights."""
_FOUR_BIT_FIELDS = ("type", "double", "storage")


def find_contradictions(recipe: Recipe) -> list[Finding]:
    """Every pair of fields that can't both be meant."""
    checks = (
        _check_sources,
        _check_objective,
        _check_training,
        _check_adapter,
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
        yield _make_error(route, "a source is either a `path` or a `hub` data set", "write one of the two")
    if source.hub is None:
        for name in ("subset", "split", "revision"):
            if getattr(source, name) is not None:
                yield _make_error(
                    (*route, name), f"`{name}` belongs to a data set on the hub", "remove it, or write `hub`"
                )
    yield from check_reading(source, route, objective_type)
    if source.format and source.format not in FORMATS_BY_OBJECTIVE[objective_type]:
        yield _make_error(
            (*route, "format"),
            f"`{objective_type}` can't learn from rows laid out as `{source.format}`",
            f"format: {' or '.join(FORMATS_BY_OBJECTIVE[objective_type])}",
        )


def _check_objective(recipe: Recipe) -> Iterator[Finding]:
    kind = _get_objective_type(recipe)
    for name, kinds in OBJECTIVES_BY_FIELD.items():
        if recipe.objective and getattr(recipe.objective, name) is not None and kind not in kinds:
            route: Route = ("objective", name)
            yield _make_error(
                route, f"`objective.{name}` means nothing to `{kind}`", f"it belongs to {', '.join(kinds)}"
            )
    if kind == "sft" and recipe.objective and recipe.objective.reference and recipe.objective.kl_weight is None:
        message = "`objective.reference` means nothing to `sft` without `kl_weight`"
        yield _make_error(("objective", "reference"), message, "remove it, or set `kl_weight`")
    yield from _check_rewards(recipe, kind)
    yield from check_sampling(recipe.objective)
    if kind == "pretrain" and recipe.chat is not None and recipe.chat.model_fields_set - {"encoding"}:
        instead = "of `chat` keep `encoding` alone, or write `objective: sft`"
        yield _make_error(("chat",), "plain text has no chat template", instead)
    if kind not in ("sft", "pretrain") and recipe.training and recipe.training.packing:
        yield _make_error(
            ("training", "packing"), f"`{kind}` compares whole rows, which can't be packed", "remove `packing`"
        )


def _check_rewards(recipe: Recipe, objective_type: str) -> Iterator[Finding]:
    rewards = (recipe.objective.rewards if recipe.objective else None) or []
    if objective_type == "grpo" and not rewards:
        yield _make_error(
            ("objective",), "`grpo` needs `rewards`", "rewards: [{path: rewards.py, function: right_answer}]"
        )
    for index, reward in enumerate(rewards):
        if reward.function in {other.function for other in rewards[:index]}:
            route: Route = ("objective", "rewards", index, "function")
            yield _make_error(route, f"two rewards are called `{reward.function}`", "give one of them another name")


def _check_training(recipe: Recipe) -> Iterator[Finding]:
    training = recipe.training
    if training and training.epochs is not None and training.steps is not None:
        yield _make_error(
            ("training", "steps"), "`training.steps` and `training.epochs` are both set", "keep one of the two"
        )
    if recipe.data.streaming and not (training and training.steps):
        why = "a stream's length is not known beforehand"
        yield _make_error(("data", "streaming"), "`data.streaming` needs `training.steps`", "steps: 500", why)
    if training and training.low_rank and training.optimizer not in LOW_RANK_OPTIMIZERS:
        words = " or ".join(LOW_RANK_OPTIMIZERS)
        yield _make_error(("training", "low_rank"), f"only {words} project gradients", f"optimizer: {words}")
    if (
        training
        and training.optimizer in LOW_RANK_OPTIMIZERS
        and (recipe.method is None or recipe.method.type not in FULL_WEIGHT_METHODS)
    ):
        instead = "method: full, or another optimizer"
        why = "an adapter's gradients have a low rank already"
        message = f"`{training.optimizer}` projects the gradients of whole weights"
        yield _make_error(("training", "optimizer"), message, instead, why)
    kernels = (training.kernels if training else None) or []
    if "none" in kernels and len(kernels) > 1:
        others = [kernel for kernel in dict.fromkeys(kernels) if kernel != "none"]
        instead = f"kernels: {others if others else 'none'}"
        yield _make_error(("training", "kernels"), "`none` stands alone: it is no kernel beside others", instead)
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
                    f"`method.{name}` belongs to an adapter, and `{method.type}` trains the model's own weights",
                    "remove it, or write `type: lora`",
                )
    if method.type == "full" and method.layers is not None:
        yield _make_error(("method", "layers"), "`full` trains every layer", "type: freeze")
    if method.type in ("dora", "qdora") and method.variant not in (None, "dora"):
        yield _make_error(
            ("method", "variant"), f"`{method.type}` is DoRA and `{method.variant}` is not", "remove `variant`"
        )


def _check_quantization(recipe: Recipe) -> Iterator[Finding]:
    quantization = recipe.quantization
    if quantization is None:
        return
    if recipe.method and recipe.method.type in ("full", "freeze"):
        yield _make_error(
            ("quantization",),
            "quantized weights can't be trained themselves",
            "remove `quantization`, or write `method: qlora`",
            "they have no gradient",
        )
    if quantization.bits == 8:
        for name in _FOUR_BIT_FIELDS:
            if getattr(quantization, name) is not None:
                yield _make_error(
                    ("quantization", name), f"`quantization.{name}` is for 4 bits", "remove it, or write `bits: 4`"
                )


def _check_hardware(recipe: Recipe) -> Iterator[Finding]:
    hardware = recipe.hardware
    if hardware is None:
        return
    for name in ("pipeline_parallel", "expert_parallel"):
        if (getattr(hardware, name) or 1) > 1 and hardware.strategy != "megatron":
            yield _make_error(("hardware", name), f"only Megatron knows `hardware.{name}`", "strategy: megatron")
    several = (hardware.gpus or 1) * (hardware.nodes or 1) > 1
    if hardware.device == "cpu":
        for name in ("gpu", "gpus", "nodes"):
            if getattr(hardware, name) is not None:
                yield _make_error(("hardware", name), f"`hardware.{name}` is set and `device` is cpu", "keep one")
        if hardware.strategy not in (None, "auto", "single"):
            yield _make_error(("hardware", "strategy"), "on the CPU one process trains", "remove `strategy`")
    elif several and hardware.strategy == "single":
        yield _make_error(("hardware", "strategy"), "`single` uses one GPU of several", "write `auto`")
    elif not several and hardware.strategy == "ddp":
        yield _make_error(("hardware", "strategy"), "`ddp` needs at least two GPUs", "set `gpus`, or write `auto`")
    if hardware.offload not in (None, "none") and hardware.strategy in (None, "auto", "single", "ddp"):
        yield _make_error(
            ("hardware", "offload"),
            "only a strategy that shards can keep its shards in host memory",
            "strategy: zero2, zero3, fsdp or fsdp1",
        )
    if hardware.offload not in (None, "none") and hardware.offload not in OFFLOADS_BY_STRATEGY.get(
        hardware.strategy or "", ("optimizer", "all")
    ):
        yield _make_error(
            ("hardware", "offload"),
            f"`{hardware.strategy}` can't keep just that in host memory",
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
                f"`training.{name}` needs something to evaluate on",
                "add `validation: 0.05` under `data`",
            )
