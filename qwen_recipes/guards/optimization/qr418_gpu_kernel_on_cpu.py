"""GPU-only setting on the CPU, or Triton on a GPU that is too old for it.

What:
`hardware.device: cpu` with flash or flex attention, the kernels `cut-cross-entropy` or `lora`, `fp8`, or, in Axolotl,
`precision: bf16`. Or flex attention, `compile`, or the kernels `cut-cross-entropy` or `lora` on a GPU before Volta
(P100). (Liger is QR409, FlashAttention on such a GPU QR407.)

Why it matters:
These are CUDA or Triton kernels. The config is accepted, and the run fails at the first step. Triton compiles for
compute capability 7.0 (Volta) and newer.

Evidence:
Tested with Axolotl 0.21.0 on the CPU: its LoRA kernels fail at an assertion for CUDA, `bf16: true` fails with "setup
doesn't support bf16/gpu", and there is no flash attention. Tested with ms-swift 4.6.0: flex attention has no backward
pass on the CPU. LLaMA-Factory 0.9.5 and ms-swift can train in bf16 on the CPU, so that is not reported.
The source of torch 2.13: its compiler stops on a GPU "too old to be supported by the triton GPU compiler", below
compute capability 7.0.

Instead:
Write `attention: sdpa`, `kernels: none`, `precision: fp32`, or leave them out: the defaults work on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Each field that asks for a GPU's kernel."""
    t = context.plan.training
    if context.plan.hardware.device != "cpu":
        yield from _find_triton_settings(context)
        return
    if t.attention.startswith("fl"):
        yield _make_violation("attention", "this attention needs a GPU", "sdpa")
    if t.cut_cross_entropy or t.lora_kernels:
        yield _make_violation("kernels", "these kernels need a GPU", "none")
    if t.precision == "bf16" and context.backend.name == "axolotl":
        yield _make_violation("precision", "Axolotl trains bf16 on a GPU only", "fp32")
    if t.fp8:
        yield Violation(("training", "fp8"), "FP8 needs a GPU", "remove `fp8`")


def _find_triton_settings(context: GuardContext) -> Iterator[Violation]:
    """Settings whose kernels Triton can't compile for this GPU."""
    t, gpu = context.plan.training, context.plan.hardware.gpu
    if gpu is None or gpu.runs_triton:
        return
    if t.attention == "flex_attention":
        yield _make_violation("attention", f"flex attention needs Triton; {gpu.name} is too old for it", "sdpa")
    if t.cut_cross_entropy or t.lora_kernels:
        yield _make_violation("kernels", f"these kernels need Triton; {gpu.name} is too old for it", "none")
    if t.compile:
        message = f"torch.compile needs Triton; {gpu.name} is too old for it"
        yield Violation(("training", "compile"), message, "compile: false")


def _make_violation(field: str, message: str, value: str) -> Violation:
    return Violation(("training", field), message, f"{field}: {value}", Fix(((f"training.{field}", value),), safe=True))


GUARD = Guard("QR418", "gpu-kernel-on-cpu", "error", "high", __doc__, check)
