"""Packing under sdpa in bf16, before Hopper.

What:
Axolotl before 0.18 packs examples with `attention: sdpa` in bf16 on a `hardware.gpu` before Hopper.

Why it matters:
PyTorch's attention with the mask of a pack is not tested in bf16 on these GPUs, and losses of exactly 0 have been
reported. Such a run learns nothing, although nothing fails.

Evidence:
The source of Axolotl: it warns of this ("may results in 0.0 loss") and points to PyTorch's tests, which skip the case.
We have not reproduced it, so the confidence is low. Since 0.18 Axolotl has used `varlen_attn` of PyTorch 2.10 for
packs in 16 bits, which builds no such mask (`monkeypatch/attention/sdpa_varlen.py`), although it still prints the
warning.

Instead:
Leave `attention` out: packing then uses FlashAttention 2. Or use a newer Axolotl.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

HOPPER_CAPABILITY = 9.0


def check(context: GuardContext) -> Iterator[Violation]:
    """The combination that Axolotl warns of."""
    t, gpu = context.plan.training, context.gpu
    if gpu is None or not gpu.supports_bf16 or gpu.capability is None or gpu.capability >= HOPPER_CAPABILITY:
        return
    if t.packing and t.attention == "sdpa" and t.precision == "bf16":
        yield Violation(
            context.locate_field("training.attention"),
            f"packing with sdpa in bf16 may give a loss of 0 on {gpu.name}",
            "attention: flash_attention_2",
            Fix((("training.attention", "flash_attention_2"),), safe=False),
        )


GUARD = Guard("QR421", "packing-under-sdpa", "warning", "low", __doc__, check, ("axolotl",), {"axolotl": "<0.18"})
