"""Framework older than Qwen3.

What:
The framework is older than the first version that trains Qwen3 correctly: Axolotl 0.9.1, LLaMA-Factory 0.9.3.

Why it matters:
Qwen3 has had its own classes in transformers since 4.51. An older framework does not know `model_type: qwen3`, or its
fused kernels, template or mask are wrong for it.

Evidence:
transformers 4.51 added `qwen3` (huggingface/transformers#36878). Axolotl 0.9.1: its example and Liger for Qwen3
(axolotl-ai-cloud/axolotl#2577, #2612). LLaMA-Factory 0.9.3: the template, and transformers above 4.49. 4-bit bases
also need bitsandbytes 0.43 (storage type, FSDP) and PEFT 0.11.1. The versions that `recipes` compiles for are newer
than all of these; the guard only concerns other backends and environments of your own.

Instead:
Update the framework, or leave `run.environment: managed`, which installs the locked versions.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

FIRST_VERSIONS = {"axolotl": "0.9.1", "llamafactory": "0.9.3"}
OLDER_VERSIONS = {backend: f"<{first}" for backend, first in FIRST_VERSIONS.items()}


def check(context: GuardContext) -> Iterator[Violation]:
    """A backend from before Qwen3."""
    yield Violation(
        context.locate_field("run.backend"),
        f"{context.backend.title} {context.plan.backend_version} is older than Qwen3",
        f"{context.backend.title} {FIRST_VERSIONS[context.backend.name]} or newer",
    )


GUARD = Guard("QR701", "older-than-qwen3", "error", "high", __doc__, check, tuple(FIRST_VERSIONS), OLDER_VERSIONS)
