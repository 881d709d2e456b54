"""8-bit base in Unsloth before 2026.1.

What:
The frozen base is quantized to 8 bits, and Unsloth is older than 2026.1.

Why it matters:
The backward pass ends with an error ("wrong number of dimensions"): Unsloth passes tensors with three dimensions to
bitsandbytes' 8-bit product, which accepts two.

Evidence:
unslothai/unsloth#3501, with Qwen3-4B-Instruct-2507; fixed by unslothai/unsloth#3806, opened on 2025-12-30 and merged.
The version that `recipes` compiles for is newer, and `unsloth train` has no key for 8 bits, so this guard only
concerns environments of your own, at `recipes run`.

Instead:
Update Unsloth, or write `bits: 4`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

FIRST_VERSION = "2026.1"


def check(context: GuardContext) -> Iterator[Violation]:
    """A base in 8 bits."""
    if context.plan.quantization.bits == 8:
        yield Violation(
            ("quantization", "bits"),
            f"training on an 8-bit base fails in {context.backend.title} {context.plan.backend_version}",
            f"bits: 4, or {context.backend.title} {FIRST_VERSION} or newer",
        )


GUARD = Guard(
    "QR219", "8-bit-old-unsloth", "error", "medium", __doc__, check, ("unsloth",), {"unsloth": f"<{FIRST_VERSION}"}
)
