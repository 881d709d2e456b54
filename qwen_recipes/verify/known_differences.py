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
        "newline": "its `qwen3` template, which alone makes `<|im_end|>` a Base model's end of sequence, writes a "
        "newline after every turn and trains it",
        "history": "its `qwen3` template puts an empty think block before every answer that has none, and keeps the "
        "reasoning of earlier ones",
        "system": "its `qwen3` template takes a system message without words for none",
        "left-out": "its `qwen3` template wants user and assistant in turn",
        "text": "its `qwen3` template keeps what an answer begins with as it is written, and what is too long is cut "
        "by a rule of its own, question and answer in shares",
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
        "it would cut question and answer in shares, so that rows are cut before it reads them, as text: half a "
        "character at the end is left off",
    ),
    KnownDifference(
        "llamafactory",
        "pretrain",
        CHAT_TEMPLATES,
        "end-of-text",
        "QR314",
        "it ends a text with the tokenizer's own end of sequence, `<|im_end|>`, and has no key for another",
    ),
    KnownDifference(
        "llamafactory",
        "pretrain",
        BASE_TEMPLATES,
        "end-untrained",
        "QR314",
        "its collator leaves every token that equals the padding out of the loss, and for a Base model both are "
        "`<|endoftext|>`",
    ),
    KnownDifference(
        "ms-swift",
        "pretrain",
        CHAT_TEMPLATES,
        "end-of-text",
        "QR314",
        "it ends a text with the tokenizer's own end of sequence, `<|im_end|>`",
    ),
    KnownDifference(
        "ms-swift", "sft", ALL_TEMPLATES, "system", "QR527", "it takes a system message without words for none"
    ),
    KnownDifference(
        "ms-swift",
        "sft",
        ALL_TEMPLATES,
        "left-out",
        "QR526",
        "its template puts marks around a question first: a row that begins with the assistant has none, and the rows "
        "program leaves it out",
    ),
)


_CUSTOM_TEMPLATE_DIFFERENCE = KnownDifference(
    "axolotl",
    "sft",
    (),
    "text",
    "QR317",
    "by a template that is not Qwen's it renders the rows itself and finds the answers in them by a rule of its own",
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
