"""Staged 4-bit loading under FSDP.

What:
With Axolotl, native keys enable `cpu_ram_efficient_loading` for a 4-bit base under FSDP, together with DoRA, modules
to save, an initialization other than the default, fp4, or tensor or context parallelism.

Why it matters:
With that key Axolotl stages the 4-bit weights in host memory and gives each GPU its shard. This only works for plain
LoRA on nf4; Axolotl refuses everything else.

Evidence:
Axolotl 0.21.0, the list of conditions on "CPU-staged NF4" in its validation. The compiler writes
`cpu_ram_efficient_loading: false` for a quantized base, with which all of these combinations are accepted.

Instead:
Remove the key from `extra`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Staged loading of a 4-bit base, beside what it does not know."""
    plan, config = context.plan, context.get_native_value("fsdp_config")
    staged = isinstance(config, Mapping) and config.get("cpu_ram_efficient_loading") is True
    if not (staged and plan.hardware.fsdp and plan.quantization.bits == 4):
        return
    beside = [name for name, there in _list_excluded(context) if there]
    if beside:
        yield Violation(
            context.get_native_route("fsdp_config"),
            f"staged loading of a 4-bit base does not support {', '.join(beside)}",
            "cpu_ram_efficient_loading: false, or remove the key",
        )


def _list_excluded(context: GuardContext) -> list[tuple[str, bool]]:
    plan = context.plan
    return [
        ("DoRA", plan.method.variant == "dora"),
        ("PiSSA", plan.method.variant == "pissa"),
        ("modules to save", bool(plan.method.modules_to_save)),
        ("fp4", plan.quantization.type == "fp4"),
        ("tensor parallelism", plan.hardware.tensor_parallel > 1),
        ("context parallelism", plan.hardware.context_parallel > 1),
    ]


GUARD = Guard("QR113", "staged-4-bit-excludes", "error", "high", __doc__, check, backends=("axolotl",))
