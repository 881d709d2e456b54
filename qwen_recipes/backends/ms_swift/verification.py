"""ms-swift at `recipes verify`."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import (
    ALL_TEMPLATES,
    CHAT_TEMPLATES,
    KnownDifference,
    SetAside,
    Verification,
)

TRAINERS = {
    "pretrain": "Seq2SeqTrainer",
    "sft": "Seq2SeqTrainer",
    "dpo": "DPOTrainer",
    "orpo": "ORPOTrainer",
    "simpo": "CPOTrainer",
    "kto": "KTOTrainer",
    "reward": "RewardTrainer",
    "grpo": "GRPOTrainer",
}
KNOWN_DIFFERENCES = (
    KnownDifference(
        "ms-swift",
        "pretrain",
        CHAT_TEMPLATES,
        "end-of-text",
        "QR314",
        "the framework ends a text with the tokenizer's end of sequence, `<|im_end|>`",
    ),
    KnownDifference(
        "ms-swift", "sft", ALL_TEMPLATES, "system", "QR527", "the framework ignores an empty system message"
    ),
    KnownDifference(
        "ms-swift",
        "sft",
        ALL_TEMPLATES,
        "left-out",
        "QR526",
        "the framework's template starts with a question: rows that begin with the assistant are dropped when the data "
        "is prepared",
    ),
)


def name_trainer_class(plan: Plan) -> str | None:
    """SFT that is anchored by a divergence is distillation from the model itself."""
    return "GKDTrainer" if plan.objective.kl_weight is not None else TRAINERS.get(plan.objective.type)


VERIFICATION = Verification(
    top_module="swift",
    name_trainer_class=name_trainer_class,
    set_aside_on_cpu=(
        SetAside(
            "training",
            "packing",
            bool,
            False,
            "ms-swift only packs with flash attention, which needs a GPU",
        ),
    ),
    known_differences=KNOWN_DIFFERENCES,
)
