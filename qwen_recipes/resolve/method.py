"""What is trained: the short names unfolded, every number of the adapter stated."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qwen_recipes.backends.plan import MethodPlan, QuantizationPlan
from qwen_recipes.qwen.adapter_folder import AdapterFacts
from qwen_recipes.qwen.earlier_run import find_earlier_run
from qwen_recipes.qwen.models import ModelFacts
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.method import Method, Quantization
from qwen_recipes.resolve.continued_adapter import continue_adapter, explain_taken_over
from qwen_recipes.resolve.decisions import PlanDecisions

_FREEZE_TRAINED_LAYERS = 2
_LAYERS_REASON = "all layers; the last two for `freeze`"


def resolve_method(recipe: Recipe, facts: ModelFacts, folder: Path, decisions: PlanDecisions) -> MethodPlan:
    """The method in full; `folder` is the recipe's. What is left open is as in the adapter that is continued."""
    written = recipe.method or Method.make_empty()
    method = continue_adapter(written, facts, folder, decisions, partial(_find_planned_adapter, folder, facts))
    plan = _resolve_numbers(method, facts, decisions)
    explain_taken_over(method, written, decisions)
    return plan


def _find_planned_adapter(folder: Path, facts: ModelFacts, output: Path) -> AdapterFacts | None:
    """The adapter that an earlier run will write to `output`, by the recipe in `folder` that says so."""
    run = find_earlier_run(output, folder)
    if run is None or not run.writes_adapter:
        return None
    plan = resolve_method(run.loaded.recipe, facts, run.loaded.folder, PlanDecisions())
    return AdapterFacts(
        rank=plan.rank,
        alpha=plan.alpha,
        dropout=plan.dropout,
        targets=plan.targets,
        rslora=plan.rslora,
        variant=plan.variant,
        layers=plan.layer_numbers,
        modules_to_save=plan.modules_to_save,
        base=run.model,
    )


def _resolve_numbers(method: Method, facts: ModelFacts, decisions: PlanDecisions) -> MethodPlan:
    """All fields. `lora`, `dora`, `qlora` and `qdora` are all adapters of type `lora`."""
    asked = method.type
    adapter = asked not in ("full", "freeze")
    kind = None if asked is None else "lora" if adapter else asked
    decisions.choose_value(
        "method.type", kind, "lora", "as good as full fine-tuning on most data, at a fraction of the memory"
    )
    short = "dora" if asked in ("dora", "qdora") else None
    if short:
        variant = decisions.derive_value(
            "method.variant", "dora", f"`method: {asked}`", "method.type", "method.variant"
        )
    else:
        variant = decisions.choose_value("method.variant", method.variant, "plain", "DoRA is slower (QR209)")
    rank = decisions.choose_value("method.rank", method.rank, 16, "enough for most data")
    rslora = _resolve_rslora(method, decisions)
    alpha = rank if rslora else 2 * rank
    why = "equals the rank under rsLoRA" if rslora else "twice the rank (QR207)"
    return MethodPlan(
        type=kind or "lora",
        variant=variant if adapter else "plain",
        rank=rank,
        alpha=decisions.choose_value("method.alpha", method.alpha, alpha, why),
        dropout=decisions.choose_value("method.dropout", method.dropout, 0.0, "fused kernels need 0"),
        targets=_resolve_targets(method, facts, decisions),
        rslora=rslora,
        layers=decisions.choose_value(
            "method.layers", method.layers, _FREEZE_TRAINED_LAYERS if asked == "freeze" else None, _LAYERS_REASON
        ),
        layer_numbers=_resolve_layer_numbers(method, facts, decisions),
        lora_plus=decisions.choose_value("method.lora_plus", method.lora_plus, None, "same learning rate for A and B"),
        modules_to_save=_resolve_modules_to_save(method, decisions),
        start_from=decisions.choose_value("method.start_from", method.start_from, None, "train a new adapter"),
        start_from_revision=decisions.choose_value(
            "method.start_from_revision", method.start_from_revision, None, "the latest on the hub"
        ),
    )


def _resolve_layer_numbers(method: Method, facts: ModelFacts, decisions: PlanDecisions) -> tuple[int, ...]:
    count = method.layers or (_FREEZE_TRAINED_LAYERS if method.type == "freeze" else None)
    if count is None:
        return decisions.derive_value("method.layer_numbers", (), "all layers", origin="default")
    if count > facts.layers:
        decisions.report_problem(
            ("method", "layers"), f"the model has {facts.layers} layers", f"at most {facts.layers}"
        )
    first = max(0, facts.layers - count)
    return decisions.derive_value(
        "method.layer_numbers", tuple(range(first, facts.layers)), f"the last {count}", "method.layers"
    )


def _resolve_modules_to_save(method: Method, decisions: PlanDecisions) -> tuple[str, ...]:
    asked = tuple(method.modules_to_save) if method.modules_to_save else None
    return decisions.choose_value("method.modules_to_save", asked, (), "the adapter only")


def _resolve_rslora(method: Method, decisions: PlanDecisions) -> bool:
    if isinstance(method.rslora, bool):
        return decisions.choose_value("method.rslora", method.rslora, False, "")
    fields = ("method.rslora",) if method.rslora else ()
    return decisions.derive_value("method.rslora", False, "plain LoRA: scale alpha/rank", *fields, origin="default")


def _resolve_targets(method: Method, facts: ModelFacts, decisions: PlanDecisions) -> tuple[str, ...]:
    every = facts.linear_modules
    if isinstance(method.targets, list):
        decisions.choose_value("method.targets", method.targets, [], "")
        return tuple(name for name in every if name in method.targets) + tuple(
            name for name in method.targets if name not in every
        )
    what = "all seven linear layers" if facts.dense else "attention only: experts and router stay (QR202)"
    fields = ("method.targets",) if method.targets else ()
    return decisions.derive_value("method.targets", every, f"all-linear: {what}", *fields, origin="model")


def resolve_quantization(
    recipe: Recipe, facts: ModelFacts, strategy: str, compute: str | None, decisions: PlanDecisions
) -> QuantizationPlan:
    """How the base is stored: 16 bits where nothing asks for fewer and the checkpoint is not quantized itself.

    `compute` is the precision of a framework that always stores 4-bit weights in it, None for the others.
    """
    asked = recipe.quantization
    q = asked or Quantization.make_empty()
    method = recipe.method.type if recipe.method else None
    quantized = asked is not None or method in ("qlora", "qdora")
    stored = facts.quantization if facts.quantization and facts.quantization.method == "bitsandbytes" else None
    if stored and q.bits is None:
        bits: int = decisions.derive_value(
            "quantization.bits",
            stored.bits,
            "the checkpoint is quantized (bitsandbytes)",
            "method.type",
            origin="model",
        )
    elif quantized and q.bits is None and method in ("qlora", "qdora"):
        bits = decisions.derive_value("quantization.bits", 4, f"`method: {method}`", "method.type")
    else:
        bits = decisions.choose_value(
            "quantization.bits",
            q.bits,
            4 if asked else 16,
            "the base is not quantized" if not asked else "least memory",
        )
    return QuantizationPlan(
        bits=bits,
        type=decisions.choose_value("quantization.type", q.type, "nf4", "smaller error than fp4 (QR206)"),
        double=decisions.choose_value("quantization.double", q.double, True, "saves about 0.4 bits per weight"),
        storage=_resolve_storage(q.storage, strategy, compute, decisions),
        experts=_resolve_experts(q.experts, facts, decisions),
    )


def _resolve_experts(requested: bool | None, facts: ModelFacts, decisions: PlanDecisions) -> bool:
    if requested and facts.dense:
        decisions.report_problem(("quantization", "experts"), f"{facts.id} has no experts", "remove it")
    return decisions.choose_value("quantization.experts", requested, False, "only linear layers are quantized")


def _resolve_storage(requested: str | None, strategy: str, compute: str | None, decisions: PlanDecisions) -> str:
    sharded = strategy in ("fsdp", "fsdp1", "zero3")
    default = compute or ("bf16" if sharded else "uint8")
    if compute:
        why = "the framework stores 4-bit weights in the compute precision"
    else:
        why = "sharding needs bf16 storage (QR103)" if sharded else "default of bitsandbytes"
    if requested == "auto":
        return decisions.derive_value("quantization.storage", default, why, "quantization.storage", "hardware.strategy")
    return decisions.choose_value("quantization.storage", requested, default, why)
