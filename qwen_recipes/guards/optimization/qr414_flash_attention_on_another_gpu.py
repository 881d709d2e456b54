"""FlashAttention 3 or 4 on a GPU that it is not written for.

What:
`training.attention: flash_attention_3` on a `hardware.gpu` that is not Hopper (H100, H200), or `flash_attention_4` on
one that is neither Hopper nor data-center Blackwell (B200, B300).

Why it matters:
Both use instructions that only these GPUs have. On others the run fails when the model is loaded, or with "no kernel
image", or is not faster.

Evidence:
Dao-AILab/flash-attention names H100 and H800 as the requirement for FlashAttention 3. The source of transformers 5.20:
it checks for compute capability 8 or more for FlashAttention 3, and 9 or more for 4. On RTX 50 FlashAttention 4 has no
usable backward pass yet (Dao-AILab/flash-attention#2634). Packaged builds differ, so this is only a warning.

Instead:
Write `attention: flash_attention_2`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.flash_attention import load_flash_table
from qwen_recipes.guards.base import Fix, Guard, GuardContext, Violation

PACKAGES = {"flash_attention_3": "flash-attn-3", "flash_attention_4": "flash-attn-4"}


def check(context: GuardContext) -> Iterator[Violation]:
    """FlashAttention 3 or 4 on a GPU from Ampere on that it does not run on (QR407 speaks of older ones)."""
    gpu, attention = context.gpu, context.plan.training.attention
    if gpu is None or not gpu.supports_bf16 or gpu.stated or attention not in PACKAGES:
        return
    package = load_flash_table().packages[PACKAGES[attention]]
    if package.explain_unfit_gpu(gpu):
        yield Violation(
            ("training", "attention"),
            f"{package.title} needs {package.gpus}, not {gpu.name}",
            "attention: flash_attention_2",
            Fix((("training.attention", "flash_attention_2"),), safe=True),
        )


GUARD = Guard("QR414", "flash-attention-on-another-gpu", "warning", "medium", __doc__, check)
