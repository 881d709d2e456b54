"""Broken combination of keys.

What:
Keys that work alone, but not together, in this version of this framework.

Why it matters:
The framework's own checks accept it. It fails after the model is loaded, or trains something else.

Evidence:
LLaMA-Factory 0.9.5, run: DoRA on a quantized base is refused since 0.9.3, because the method's name changed on one
side only; `pref_loss: hinge` and `ipo` train the sigmoid loss, because TRL 0.20 made the loss an argument that is
not passed; PPO wants an older TRL than the package; ASFT with LoRA needs `ref_model`. Axolotl 0.21.0, run:
`ao_adamw_4bit` and `ao_adamw_8bit` are unknown to its trainer. ms-swift 4.6.0, run: KTO without
`gradient_accumulation_steps`.

Instead:
Use the combination that the finding names, or another backend. `recipes backends` lists what each supports.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.guards.native.extra_keys import check_extra_keys


def check(context: GuardContext) -> Iterator[Violation]:
    """Native keys under `extra` that break here."""
    yield from check_extra_keys("QR213", context)


GUARD = Guard("QR213", "broken-combination", "error", "high", __doc__, check)
