"""The differences in tokens that no config removes: whose, why, and the guard that tells of each beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BASE_TEMPLATES, CHAT_TEMPLATES = ("base",), ("hybrid", "instruct-2507", "thinking-2507")
ALL_TEMPLATES = (*CHAT_TEMPLATES, *BASE_TEMPLATES)


@dataclass(frozen=True)
class KnownDifference:
    """One kind of difference (`compare.DIFFERENCE_KINDS`) of one framework.

    It says with which objective and chat templates it comes.
    """

    backend: str
    objective: str
    templates: tuple[str, ...]
    kind: str
    guard: str
    why: str


def _llamafactory_base_differences() -> Iterator[KnownDifference]:
    """A Base model's conversations, which LLaMA-Factory renders by its own template."""
    why = {
        "newline": "the framework's `qwen3` template, which sets `<|im_end|>` as end of sequence for Base models, "
        "adds a newline after every turn to the loss",
        "history": "the framework's `qwen3` template adds an empty think block to answers without one, and keeps "
        "the reasoning of earlier turns",
        "system": "the framework's `qwen3` template ignores an empty system message",
        "left-out": "the framework's `qwen3` template needs alternating user and assistant turns",
        "text": "the framework's `qwen3` template keeps whitespace at the start of an answer, and truncates "
        "question and answer in proportion",
    }
    return (KnownDifference("llamafactory", "sft", BASE_TEMPLATES, kind, "QR317", said) for kind, said in why.items())


KNOWN_DIFFERENCES = (
    *_llamafactory_base_differences(),
    KnownDifference(
        "llamafactory",
        "sft",
        CHAT_TEMPLATES,
        "cut",
        "QR512",
        "the framework truncates question and answer in proportion, so `recipes` truncates the text beforehand, "
        "without "
        "the incomplete character at the end",
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


_CUSTOM_TEMPLATE_DIFFERENCE = KnownDifference(
    "axolotl",
    "sft",
    (),
    "text",
    "QR317",
    "with a custom template, the framework renders the rows itself and finds the answers by its own rule",
)
"""Any difference under a template of one's own; the other two are handed tokens, or refuse."""


def find_known_difference(backend: str, objective: str, template: str, kind: str) -> KnownDifference | None:
    """What is known of a difference of this kind, or of another text. `template` is the chat template's name.

    None where it is news.
    """
    if template not in ALL_TEMPLATES:
        return (
            _CUSTOM_TEMPLATE_DIFFERENCE
            if (backend, objective) == (_CUSTOM_TEMPLATE_DIFFERENCE.backend, _CUSTOM_TEMPLATE_DIFFERENCE.objective)
            else None
        )
    known = [
        one
        for one in KNOWN_DIFFERENCES
        if (one.backend, one.objective) == (backend, objective) and template in one.templates
    ]
    return next((one for name in (kind, "text") for one in known if one.kind == name), None)
