"""Whether a tokenizer.json of a stranger's may be run: only steps that take time and memory as their text does.

The tokenizers library runs whatever steps a file names. `Replace` and `Prepend` multiply a text without limit, a split
by any regular expression can take forever, and some models of tokens end the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from qwen_recipes.qwen.tokenizer_files import SPLIT_PATTERN

STEPS: Mapping[str, frozenset[str]] = {
    "normalizer": frozenset({"NFC", "NFD", "NFKC", "NFKD", "Lowercase"}),
    "pre_tokenizer": frozenset({"ByteLevel", "Digits", "Split"}),
    "post_processor": frozenset({"ByteLevel"}),
    "decoder": frozenset({"ByteLevel"}),
}
"""Types of each part, as tokenizer.json names them."""
LISTS = ("normalizers", "pretokenizers", "processors", "decoders")
MAX_STEPS = 16
"""Steps of a part: each goes over the whole text."""
NOT_QWENS = ("continuing_subword_prefix", "end_of_word_suffix", "unk_token", "dropout", "byte_fallback")
"""Options of byte-pair encoding that Qwen's tokenizer leaves empty."""


def find_unsupported_step(content: object) -> str | None:
    """What a tokenizer.json's value has that Qwen's tokenizers have not; None where there is nothing."""
    if not isinstance(content, Mapping):
        return "it is not a JSON object"
    model = content.get("model")
    if not isinstance(model, Mapping) or model.get("type") != "BPE":
        return "its model is not byte-pair encoding (BPE)"
    for option in NOT_QWENS:
        if model.get(option):
            return f"its model sets {option}"
    for part, allowed in STEPS.items():
        steps = list(islice(_list_steps(content.get(part)), MAX_STEPS + 1))
        for step in steps:
            if problem := _find_problem(step, allowed):
                return f"its {part} has {problem}"
        if len(steps) > MAX_STEPS:
            return f"its {part} has more than {MAX_STEPS} steps"
        if sum(step["type"] == "ByteLevel" for step in steps if isinstance(step, Mapping)) > 1:
            return f"its {part} has the step ByteLevel twice"
    return None


def _list_steps(part: object) -> Iterator[object]:
    """A part's steps: itself, or those of a Sequence, which may hold others."""
    pending = [part] if part is not None else []
    while pending:
        step = pending.pop()
        if not isinstance(step, Mapping) or step.get("type") != "Sequence":
            yield step
            continue
        for inner in [step[name] for name in LISTS if name in step] or [None]:  # whichever the library reads
            pending += reversed(inner) if isinstance(inner, list) else [inner]


def _find_problem(step: object, allowed: frozenset[str]) -> str | None:
    kind = step.get("type") if isinstance(step, Mapping) else None
    if not isinstance(step, Mapping) or kind not in allowed:
        return f"the step {str(kind)[:40]}"
    return (
        None
        if kind != "Split" or step.get("pattern") == {"Regex": SPLIT_PATTERN}
        else "a Split with a pattern other than Qwen's"
    )
