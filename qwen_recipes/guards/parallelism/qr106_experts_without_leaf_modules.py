"""Mixture of experts under ZeRO-3 without leaf modules.

What:
A mixture of experts is trained with `hardware.strategy: zero3`, and this version of the backend does not register the
experts of this architecture as a DeepSpeed leaf module.

Why it matters:
ZeRO-3 fetches the weights of a layer when it is called. The tokens on each GPU use other experts, so the GPUs wait
for each other in different places: the run hangs without a message, with the GPUs at 100 %.

Evidence:
deepspeedai/DeepSpeed#4966 (the cause, and the remedy), deepspeedai/DeepSpeed#7461, modelscope/ms-swift#5875,
modelscope/ms-swift#5400, hiyouga/LlamaFactory#9222, hiyouga/LlamaFactory#10194. For Qwen3's own mixtures
(`qwen3_moe`) it is over: Axolotl 0.21.0, LLaMA-Factory 0.9.5 and ms-swift 4.6.0 register them (read in their
sources), and so does DeepSpeed itself since deepspeedai/DeepSpeed#7604 (read in 0.18.2 and 0.19.8). On two H100
(docs/research/strategies.md) with transformers 5.23, which keeps all experts in one weight, LoRA and full fine-tuning
trained with and without leaf modules. With transformers 4.57.6, which has a module an expert, neither took a step in
55 s without them; with them full fine-tuning took 5. What is left are architectures that one of them does not list,
and older versions.

Instead:
Use a backend that registers this architecture, or write `strategy: zero2`, which fetches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation

LEAF_MODULE_ARCHITECTURES = {
    "axolotl": ("qwen2_moe", "qwen3_moe", "qwen3_5_moe", "qwen3_vl_moe"),
    "llamafactory": (
        "qwen2_moe",
        "qwen3_moe",
        "qwen3_next",
        "qwen3_5_moe",
        "qwen3_vl_moe",
        "qwen3_omni_moe",
    ),
    "ms-swift": ("qwen2_moe", "qwen3_moe", "qwen3_next", "qwen3_5_moe", "qwen3_vl_moe", "qwen3_omni_moe"),
}
"""Architectures whose blocks of experts a backend registers, at the versions compiled for."""
DEEPSPEED_ARCHITECTURES = ("mixtral", "qwen2_moe", "qwen3_moe")
"""Those that DeepSpeed registers by itself since 0.18."""


def check(context: GuardContext) -> Iterator[Violation]:
    """A mixture of experts that nobody registers, under ZeRO-3."""
    plan = context.plan
    kind = plan.model.model_type
    if (
        plan.model.dense
        or plan.hardware.strategy != "zero3"
        or kind in (*LEAF_MODULE_ARCHITECTURES.get(plan.backend, ()), *DEEPSPEED_ARCHITECTURES)
    ):
        return
    able = [name for name, kinds in LEAF_MODULE_ARCHITECTURES.items() if kind in kinds]
    yield Violation(
        ("hardware", "strategy"),
        f"{context.backend.title} {plan.backend_version} does not register leaf modules for `{kind}`: ZeRO-3 hangs",
        f"{' or '.join(able)}, which register them" if able else "strategy: zero2",
    )


GUARD = Guard("QR106", "experts-under-zero3", "error", "medium", __doc__, check)
