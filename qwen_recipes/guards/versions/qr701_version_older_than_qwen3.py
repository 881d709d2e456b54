"""Framework older than Qwen3.

What:
The version of the backend is below the first that trains Qwen3 correctly: Axolotl 0.9.1, LLaMA-Factory 0.9.3.

Why it matters:
Qwen3 has its own classes in transformers since 4.51. An older version does not know `model_type: qwen3`, or knows it
and breaks its fused kernels, template or mask.

Evidence:
transformers 4.51 brought `qwen3` (huggingface/transformers#36878). Axolotl 0.9.1: its example and Liger for Qwen3
(axolotl-ai-cloud/axolotl#2577, #2612). LLaMA-Factory 0.9.3: the template, and transformers above 4.49. Below them,
for 4-bit bases: bitsandbytes 0.43 (storage type, FSDP), PEFT 0.11.1. The versions compiled for are above all of
these; it speaks where another backend, or an environment of your own, is older.

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
