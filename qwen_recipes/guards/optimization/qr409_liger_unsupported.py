"""Liger is not supported here.

What:
`training.kernels` names `liger` on the CPU, with `hardware.tensor_parallel` in Axolotl, or for a framework that is too
old to have Liger kernels for Qwen3. (By default, Liger is only on where it can run.)

Why it matters:
Liger's kernels are written in Triton, which needs a GPU, and its RMSNorm needs the whole width of a layer, which
tensor parallelism splits. The run fails before its first step.

Evidence:
Tested with Axolotl 0.21.0, LLaMA-Factory 0.9.5 and ms-swift 4.6.0 on the CPU: Triton finds no driver. The source of
Axolotl 0.21.0: it refuses `liger_rms_norm` with `tensor_parallel_size` above 1. LLaMA-Factory before 0.9.3 did not
have Liger kernels for Qwen3, trained without them, and logged one line about it (hiyouga/LlamaFactory#7965; they need
liger-kernel 0.5.9). Axolotl has supported them since 0.9.1 (axolotl-ai-cloud/axolotl#2612). Every version that
`recipes` compiles for is newer.

Instead:
Remove `liger` from `kernels`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.versions import parse_version
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

FIRST_VERSIONS = {"axolotl": "0.9.1", "llamafactory": "0.9.3"}
"""The first version whose Liger knows Qwen3."""


def check(context: GuardContext) -> Iterator[Violation]:
    """Liger, and what keeps it from running."""
    reason = _find_obstacle(context)
    if not context.plan.training.liger or reason is None:
        return
    training = context.loaded.recipe.training
    left = [kernel for kernel in (training.kernels if training else None) or [] if kernel != "liger"] or "none"
    yield Violation(("training", "kernels"), reason, f"kernels: {left}", Fix((("training.kernels", left),), safe=True))


def _find_obstacle(context: GuardContext) -> str | None:
    backend, hardware = context.backend, context.plan.hardware
    if hardware.device == "cpu":
        return "Liger needs a GPU"
    if hardware.gpu and not hardware.gpu.runs_triton:
        return f"{hardware.gpu.name} is too old for Triton, in which Liger's kernels are written"
    if backend.name == "axolotl" and hardware.tensor_parallel > 1:
        return "Liger's RMSNorm does not support tensor parallelism"
    if parse_version(backend.version) < parse_version(FIRST_VERSIONS.get(backend.name, "0")):
        return f"{backend.title} {backend.version} has no Liger kernels for Qwen3"
    return None


GUARD = Guard("QR409", "liger-cannot-run", "error", "high", __doc__, check)
