"""Which cases each framework takes natively, by its documentation and source, written down before the run.

Axolotl's `input_output` takes any text in segments (its documentation, "template-free"). LLaMA-Factory reads `<image>`
as a place for an image and wants as many images as places (data/README.md); its `empty` template adds nothing, but a
Base model's rows go through `qwen3`, which wants user and assistant in turn, keeps history as it is written, and
trains the newline after a turn. ms-swift wants a user's turn before the first answer and reads `<image>` likewise (its
"Custom dataset" page). `exact` has no such limits.
"""

from __future__ import annotations

NOT_IN_TURN = {"two-users", "two-answers", "assistant-first", "system-in-the-middle"}
UNSUPPORTED: dict[tuple[str, str], set[str]] = {
    ("llamafactory", "hybrid"): {"image-tag"},
    ("llamafactory", "instruct-2507"): {"image-tag"},
    ("llamafactory", "thinking-2507"): {"image-tag"},
    ("llamafactory", "base"): {"image-tag", *NOT_IN_TURN},
    ("ms-swift", "hybrid"): {"image-tag", "assistant-first"},
    ("ms-swift", "instruct-2507"): {"image-tag", "assistant-first"},
    ("ms-swift", "thinking-2507"): {"image-tag", "assistant-first"},
    ("ms-swift", "base"): {"image-tag", "assistant-first"},
}
"""By framework and variant."""


def supported(backend: str, variant: str, encoding: str, case: str) -> bool:
    return encoding == "exact" or case not in UNSUPPORTED.get((backend, variant), set())
