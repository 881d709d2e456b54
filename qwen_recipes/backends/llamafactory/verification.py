"""LLaMA-Factory at `recipes verify`."""

from __future__ import annotations

from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.verification import (
    BASE_TEMPLATES,
    CHAT_TEMPLATES,
    KnownDifference,
    SetAside,
    Verification,
)

TRAINERS = {
    "pretrain": "CustomTrainer",
    "sft": "CustomSeq2SeqTrainer",
    "dpo": "CustomDPOTrainer",
    "orpo": "CustomDPOTrainer",
    "simpo": "CustomDPOTrainer",
    "kto": "CustomKTOTrainer",
    "reward": "PairwiseTrainer",
}
BASE_DIFFERENCES = {
    "newline": "the framework's `qwen3` template, which sets `<|im_end|>` as end of sequence for Base models, "
    "adds a newline after every turn to the loss",
    "history": "the framework's `qwen3` template adds an empty think block to answers without one, and keeps "
    "the reasoning of earlier turns",
    "system": "the framework's `qwen3` template ignores an empty system message",
    "left-out": "the framework's `qwen3` template needs alternating user and assistant turns",
    "text": "the framework's `qwen3` template keeps whitespace at the start of an answer, and truncates "
    "question and answer in proportion",
}
"""Of a Base model's conversations, which it renders by its own template."""
KNOWN_DIFFERENCES = (
    *(
        KnownDifference("llamafactory", "sft", BASE_TEMPLATES, kind, "QR317", why)
        for kind, why in BASE_DIFFERENCES.items()
    ),
    KnownDifference(
        "llamafactory",
        "sft",
        CHAT_TEMPLATES,
        "cut",
        "QR512",
        "the framework truncates question and answer in proportion, so `recipes` truncates the text beforehand, "
        "without the incomplete character at the end",
    ),
    KnownDifference(
        "llamafactory",
        "pretrain",
        CHAT_TEMPLATES,
        "end-of-text",
        "QR314",
        "the framework ends a text with the tokenizer's end of sequence, `<|im_end|>`, which cannot be changed",
    ),
    KnownDifference(
        "llamafactory",
        "pretrain",
        BASE_TEMPLATES,
        "end-untrained",
        "QR314",
        "the framework's collator masks every token that equals the padding token; for a Base model both are "
        "`<|endoftext|>`",
    ),
)


def name_trainer_class(plan: Plan) -> str | None:
    """Its DPO trainer has ORPO's and SimPO's losses too; texts that are tokenized already go to the trainer of SFT."""
    tokenized = plan.objective.type == "pretrain" and plan.chat.exact
    return TRAINERS.get("sft" if tokenized else plan.objective.type)


def explain_unseen_template(plan: Plan) -> str | None:
    """A template that is not Qwen's is never the tokenizer's while it trains."""
    if plan.chat.official:
        return None
    return "run.sh saves it with the tokenizer; shown by tests/conformance/test_training"


VERIFICATION = Verification(
    name_trainer_class=name_trainer_class,
    set_aside_on_cpu=(
        SetAside(
            "training",
            "weights_dtype",
            lambda value: value == "bfloat16",
            "float32",
            "LLaMA-Factory's `pure_bf16` only starts on GPUs: the probe holds weights in float32",
        ),
    ),
    known_differences=KNOWN_DIFFERENCES,
    unseen={"chat.template": explain_unseen_template},
    reward_head_dropout=0.1,
)
