"""Which classes of `trainer_plugin.py` a plan needs: they hand over what Axolotl reads and its trainers don't get."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan


def choose_plugins(plan: Plan) -> tuple[str, ...]:
    """Plugins for `plugins` in train.yaml."""
    wanted = (
        ("PreferencePlugin", _needs_preference_plugin(plan)),
        ("BaseReferencePlugin", _compares_with_base(plan)),
        ("TokenMeanPlugin", _averages_over_gpus(plan)),
        ("AdapterOnlyPlugin", plan.method.adapter and plan.objective.type in ("dpo", "kto")),
        ("MuonPlugin", plan.training.optimizer == "muon"),
    )
    return tuple(name for name, needed in wanted if needed)


def choose_trainer_class(plan: Plan) -> str:
    """The trainer for `trainer_cls`, or nothing: DPO and KTO from an adapter that is not a new one with B = 0."""
    if plan.method.adapter and (plan.method.start_from or plan.method.variant == "pissa"):
        return {"dpo": "ContinuedDPOTrainer", "kto": "ContinuedKTOTrainer"}.get(plan.objective.type, "")
    return ""


def _needs_preference_plugin(plan: Plan) -> bool:
    training = plan.training
    dropout = plan.method.adapter and plan.method.dropout > 0
    rl = plan.objective.type not in ("sft", "pretrain", "reward")
    preferences = not plan.objective.next_token
    return (preferences and dropout) or (rl and (training.neftune is not None or training.early_stopping is not None))


def _compares_with_base(plan: Plan) -> bool:
    return plan.method.start_from is not None and plan.objective.compares and plan.objective.reference == "base"


def _averages_over_gpus(plan: Plan) -> bool:
    """Several GPUs with rows of their own, each whole: trained on tokens, whose number differs from GPU to GPU."""
    hardware = plan.hardware
    return plan.objective.next_token and hardware.replicas == hardware.world > 1
