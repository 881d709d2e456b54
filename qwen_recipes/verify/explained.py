"""The differences in tokens that no config removes: whose, why, and the guard that tells of each beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BASE, CHAT = ("base",), ("hybrid", "instruct-2507", "thinking-2507")
ALL = (*CHAT, *BASE)


@dataclass(frozen=True)
class Known:
    """One kind of difference (`compare.KINDS`) of one framework: with which objective and chat templates it comes."""

    backend: str
    objective: str
    templates: tuple[str, ...]
    kind: str
    guard: str
    why: str


def _base_in_llamafactory() -> Iterator[Known]:
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
    return (Known("llamafactory", "sft", BASE, kind, "QR317", said) for kind, said in why.items())


KNOWN = (
    *_base_in_llamafactory(),
    Known(
        "llamafactory",
        "sft",
        CHAT,
        "cut",
        "QR512",
        "it would cut question and answer in shares, so that rows are cut before it reads them, as text: half a "
        "character at the end is left off",
    ),
    Known(
        "llamafactory",
        "pretrain",
        CHAT,
        "end-of-text",
        "QR314",
        "it ends a text with the tokenizer's own end of sequence, `<|im_end|>`, and has no key for another",
    ),
    Known(
        "llamafactory",
        "pretrain",
        BASE,
        "end-untrained",
        "QR314",
        "its collator leaves every token that equals the padding out of the loss, and for a Base model both are "
        "`<|endoftext|>`",
    ),
    Known(
        "ms-swift",
        "pretrain",
        CHAT,
        "end-of-text",
        "QR314",
        "it ends a text with the tokenizer's own end of sequence, `<|im_end|>`",
    ),
    Known("ms-swift", "sft", ALL, "system", "QR527", "it takes a system message without words for none"),
    Known(
        "ms-swift",
        "sft",
        ALL,
        "left-out",
        "QR526",
        "its template puts marks around a question first: a row that begins with the assistant has none, and the rows "
        "program leaves it out",
    ),
)


_OWN = Known(
    "axolotl",
    "sft",
    (),
    "text",
    "QR317",
    "by a template that is not Qwen's it renders the rows itself and finds the answers in them by a rule of its own",
)
"""Any difference under a template of one's own; the other two are handed tokens, or refuse."""


def explained(backend: str, objective: str, template: str, kind: str) -> Known | None:
    """What is known of a difference of this kind, or of another text. `template` is the chat template's name.

    None where it is news.
    """
    if template not in ALL:
        return _OWN if (backend, objective) == (_OWN.backend, _OWN.objective) else None
    known = [one for one in KNOWN if (one.backend, one.objective) == (backend, objective) and template in one.templates]
    return next((one for name in (kind, "text") for one in known if one.kind == name), None)
