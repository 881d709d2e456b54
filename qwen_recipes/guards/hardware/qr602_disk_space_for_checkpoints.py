"""Disk space for checkpoints of full fine-tuning.

What:
The checkpoints that are kept in full fine-tuning need more than 28 GiB in total.

Why it matters:
A checkpoint for resuming holds the weights and the optimizer states: 12 to 14 bytes per parameter, 52 GiB for a 4B
model. If the disk fills up, the run fails while saving, hours into training. (An adapter's checkpoint is small; its
run needs 28 GiB for the model's download and caches.)

Evidence:
2 bytes for bf16 weights, and with AdamW in mixed precision 12 bytes of states: two moments, and the weights in full
precision (Rajbhandari et al. 2020, arXiv:1910.02054, section 3). If float32 weights are trained without a copy in 16
bits, it is 12 bytes in total. With `weights_dtype: bfloat16` the states are 4 bytes (measured on one H100: all weights
of a 4B model, 31.7 GiB at the peak); 8-bit optimizers keep 2. The older checkpoint is deleted after the newer one is
written, so there must be room for one more.

Instead:
Write `keep_checkpoints: 1`, save less often, use an 8-bit optimizer if nothing is sharded, or point `output.dir` at a
larger disk. The free space of your disk is checked by `recipes run`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.sizes import GIB

OPTIMIZER_STATE_BYTES = {
    "adamw_8bit": 2,
    "paged_adamw_8bit": 2,
    "lion_8bit": 1,
    "lion_32bit": 8,
    "adafactor": 4,
    "sgd": 4,
    "muon": 8,
    "ademamix": 16,
}
"""Bytes of optimizer states for each parameter; AdamW's 12 where it is not listed."""
DISK_LIMIT_GIB = 28


def check(context: GuardContext) -> Iterator[Violation]:
    """Checkpoints of the whole model that fill a disk."""
    plan = context.plan
    if plan.method.type != "full":
        return
    one = context.model.parameters * (2 + OPTIMIZER_STATE_BYTES.get(plan.training.optimizer, 12)) / GIB
    kept = plan.training.keep_checkpoints
    if one * kept > DISK_LIMIT_GIB:
        yield Violation(
            context.locate_field("training.keep_checkpoints", "method.type"),
            f"{f'{kept} checkpoints' if kept > 1 else '1 checkpoint'} of up to {one:.0f} GiB "
            f"need{'' if kept > 1 else 's'} {one * kept:.0f} GiB of disk space",
            f"make sure that {one * (kept + 1):.0f} GiB are free at `output.dir`"
            + (", or keep_checkpoints: 1" if kept > 1 else ""),
        )


GUARD = Guard("QR602", "disk-for-checkpoints", "advice", "medium", __doc__, check)
