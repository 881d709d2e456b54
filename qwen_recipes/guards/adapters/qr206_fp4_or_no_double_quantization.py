"""4-bit base with fp4 or without double quantization.

What:
A 4-bit base uses `quantization.type: fp4`, or `quantization.double: false`.

Why it matters:
The weights of a trained model are close to normally distributed, and the sixteen values of nf4 are chosen for that
distribution, so its error is smaller at the same size. Double quantization also compresses the constants, at no
measurable loss.

Evidence:
Dettmers et al. 2023, QLoRA (arXiv:2305.14314), section 4: nf4 better than fp4 in perplexity and in zero-shot tasks;
double quantization saves 0.37 bits per parameter, about 1.4 GiB of a 32B model, without loss.
To reproduce: `research/evidence/nf4_and_fp4.py`.

Instead:
Write `type: nf4` and `double: true`, or leave both out.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation
from qwen_recipes.sizes import GIB


def check(context: GuardContext) -> Iterator[Violation]:
    """The lesser number format, or constants left large."""
    quantization = context.plan.quantization
    if quantization.bits != 4:
        return
    if quantization.type == "fp4":
        fix = Fix((("quantization.type", "nf4"),), safe=False)
        yield Violation(("quantization", "type"), "fp4 has a larger error than nf4 at the same size", "type: nf4", fix)
    if not quantization.double:
        fix = Fix((("quantization.double", True),), safe=False)
        saved = context.model.linear_parameters * 0.37 / 8 / GIB
        message = f"without double quantization, the base needs {saved:.1f} GiB more"
        yield Violation(("quantization", "double"), message, "double: true", fix)


GUARD = Guard("QR206", "fp4-or-single-quantization", "advice", "high", __doc__, check)
