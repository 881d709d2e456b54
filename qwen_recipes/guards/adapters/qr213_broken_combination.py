"""Broken combination of keys.

What:
A native key or a combination of keys that this version of the framework accepts, but cannot train with or ignores.

Why it matters:
The framework's own checks accept the combination. The run fails after the model is loaded, or trains something else.

Evidence:
Tested with LLaMA-Factory 0.9.5: DoRA on a quantized base has been refused since 0.9.3, because a method was renamed in
one of two places; `pref_loss: hinge` and `ipo` train the sigmoid loss, because LLaMA-Factory does not pass the
argument that TRL 0.20 introduced for it; PPO needs an older TRL than the package requires; ASFT with LoRA needs
`ref_model`. Tested with Axolotl 0.21.0: `ao_adamw_4bit` and `ao_adamw_8bit` are unknown to its trainer. Tested with
ms-swift 4.6.0: KTO without `gradient_accumulation_steps` fails.

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
