"""Axolotl's own template instead of the official one.

What:
Axolotl is told `chat_template: qwen3`.

Why it matters:
That is Axolotl's own variant: where the official template ends the prompt after `assistant`, it goes on with an
opening think tag. It is saved into the trained model's tokenizer, so that prompts at inference differ from those
that the model was made for; in DPO the prompt ends inside a thought.

Evidence:
Axolotl 0.21.0, run with the official tokenizers: the generation prompt is `<|im_start|>assistant`, a line break,
and `<think>` with an empty line, unless `enable_thinking` is false. The rendered rows and masks of SFT are the same
for hybrid, Thinking-2507 and Base tokenizers; for Instruct-2507 it also adds empty think blocks.

Instead:
Write `chat_template: tokenizer_default`, or pass the official file as `chat_template_jinja`; the compiler does
that.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Facts, Guard, Hit
from qwen_recipes.guards.native.extra import extra_hits


def check(facts: Facts) -> Iterator[Hit]:
    """The native key under `extra`."""
    for key, hit in extra_hits("QR304", facts):
        yield Hit(("backends", facts.backend.name, "extra", *key), hit.message, hit.instead)


GUARD = Guard("QR304", "unofficial-template", "error", "high", __doc__, check, ("axolotl",))
