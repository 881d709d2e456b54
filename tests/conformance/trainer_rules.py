"""Settings that a framework is not told together: its cells at the trainer leave them out."""

from __future__ import annotations

from qwen_recipes.recipe.objective_formats import NEXT_TOKEN_OBJECTIVES
from tools.trainer_cells.factors import COMPARES, NOT_WRITTEN, Rule, for_objectives, unless_written

LOST_BY_REWARDS = ("early_stopping", "neftune")
LLAMAFACTORY_OBJECTIVES = ("sft", "pretrain", "dpo", "orpo", "simpo", "kto", "reward")
BACKEND_RULES: dict[str, list[Rule]] = {
    "axolotl": [
        ("objective", "seed", lambda objective, _: objective != "anchored"),
        ("data_seed", "seed", lambda data_seed, _: data_seed == NOT_WRITTEN),
        ("precision", "seed", lambda precision, _: precision == NOT_WRITTEN),
        ("objective", "length", lambda objective, length: objective != "simpo" or "step" in length),
    ],
    "llamafactory": [
        ("objective", "seed", lambda objective, _: objective in LLAMAFACTORY_OBJECTIVES),
        ("method", "precision", lambda method, precision: method != "freeze" or precision == "bf16"),
        ("modules_to_save", "precision", unless_written(lambda precision: precision == "bf16")),
        ("layers", "method", unless_written(lambda method: method == "freeze")),
        ("method", "objective", lambda method, kind: method not in ("full", "freeze") or kind != "reward"),
        ("method", "objective", lambda method, kind: method != "pissa" or kind not in ("dpo", "ipo", "kto")),
        ("dropout", "objective", unless_written(lambda objective: objective in (*NEXT_TOKEN_OBJECTIVES, "reward"))),
        *((name, "objective", unless_written(lambda objective: objective != "reward")) for name in LOST_BY_REWARDS),
        ("weights_dtype", "seed", lambda weights_dtype, _: weights_dtype == NOT_WRITTEN),
        for_objectives("encoding", "sft"),
        for_objectives("packing", "sft"),
        ("encoding", "packing", unless_written(lambda packing: packing == NOT_WRITTEN)),
        ("template", "encoding", unless_written(lambda encoding: encoding == "exact")),
    ],
    "ms-swift": [
        ("packing", "seed", lambda packing, _: packing == NOT_WRITTEN),
        ("optimizer", "seed", lambda optimizer, _: optimizer != "muon"),
        ("template", "encoding", unless_written(lambda encoding: encoding == "exact")),
        ("layers", "targets", unless_written(lambda targets: targets == NOT_WRITTEN)),
        ("method", "objective", lambda method, objective: method != "pissa" or objective not in COMPARES),
        ("method", "lora_plus", lambda method, ratio: method != "continued" or ratio == NOT_WRITTEN),
        *((name, "objective", unless_written(lambda kind: kind != "anchored")) for name in ("encoding", "overlong")),
    ],
    "trl": [
        ("objective", "seed", lambda objective, _: objective not in ("orpo", "simpo", "anchored")),
        ("method", "seed", lambda method, _: method in ("lora", "dora", "full")),
        ("layers", "seed", lambda layers, _: layers == NOT_WRITTEN),
        ("lora_plus", "seed", lambda lora_plus, _: lora_plus == NOT_WRITTEN),
        ("optimizer", "seed", lambda optimizer, _: optimizer != "muon"),
        ("encoding", "packing", unless_written(lambda packing: packing == NOT_WRITTEN)),
        ("template", "encoding", unless_written(lambda encoding: encoding == NOT_WRITTEN)),
        ("neftune", "objective", unless_written(lambda objective: objective not in ("reward", "grpo"))),
    ],
}
"""What a framework is not told (its `UNSUPPORTED_SETTINGS`): a cell that is refused shows nothing."""
