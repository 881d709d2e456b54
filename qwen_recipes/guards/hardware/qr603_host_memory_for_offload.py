"""Host memory for offload.

What:
`hardware.offload` needs more than 56 GiB of host memory.

Why it matters:
The memory is pinned, so swap does not help. If it runs out, the kernel kills a process, often while the model is
loaded, and the log says only "killed".

Evidence:
With Adam in mixed precision, 12 bytes of states for each trained parameter (Rajbhandari et al. 2020,
arXiv:1910.02054), and 4 for gradients; `all` adds 2 bytes for each weight of the model. DeepSpeed's own estimates
(`estimate_zero3_model_states_mem_needs`) count the same and add half for buffers. deepspeedai/DeepSpeed#3606.
`recipes plan` shows the same number.

Instead:
Write `offload: optimizer` or `none`, use more nodes, or train fewer weights (`method: qlora`). The memory of your
host is checked by `recipes run`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.estimate.host_memory import estimate_host_memory
from qwen_recipes.estimate.workload import build_workload
from qwen_recipes.guards.base import Guard, GuardContext, Violation
from qwen_recipes.sizes import GIB

HOST_MEMORY_LIMIT_GIB = 56


def check(context: GuardContext) -> Iterator[Violation]:
    """States, and weights, that do not fit a usual host."""
    plan = context.plan
    if plan.hardware.offload == "none":
        return
    needed = estimate_host_memory(build_workload(plan, context.model), plan.hardware).held / GIB
    if needed > HOST_MEMORY_LIMIT_GIB:
        yield Violation(
            ("hardware", "offload"),
            f"needs about {needed:.0f} GiB of host memory per node",
            f"a node with {needed * 1.5:.0f} GiB of memory, or no offload",
        )


GUARD = Guard("QR603", "host-memory-for-offload", "advice", "medium", __doc__, check)
