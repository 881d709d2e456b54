"""Which cases each framework takes natively, by its documentation and source, written down before the run.

Axolotl's `input_output` takes any text in segments (its documentation, "template-free"), `completion` any text.
LLaMA-Factory reads `<image>` as a place for an image and wants as many images as places (data/README.md); its `empty`
template adds nothing, but a Base model's rows go through `qwen3`, which wants user and assistant in turn, keeps history
as it is written, and trains the newline after a turn. Its pre-training puts no template to a text. ms-swift wants a
user's turn before the first answer and reads `<image>` likewise (its "Custom dataset" page), in texts too. What a
length cuts off, all three document; none says that the options of `chat` are not for some rows. `exact` has no limits.
"""

from __future__ import annotations

from research.parity.parity_cells import ParityCell

UNALTERNATING_CASES = {"two-users", "two-answers", "assistant-first", "system-in-the-middle"}


def is_supported(backend: str, cell: ParityCell, case: str) -> bool:
    return cell.encoding == "exact" or case not in list_unsupported_cases(backend, cell)


def list_unsupported_cases(backend: str, cell: ParityCell) -> set[str]:
    """The cases that a framework does not take natively."""
    text = cell.option == "objective: pretrain"
    if backend == "ms-swift":
        return {"image-tag"} if text else {"image-tag", "assistant-first"}
    if backend == "llamafactory" and not text:
        return {"image-tag", *(UNALTERNATING_CASES if cell.variant == "base" else ())}
    return set()
