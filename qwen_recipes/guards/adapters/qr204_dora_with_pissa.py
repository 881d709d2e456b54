"""DoRA together with PiSSA.

What:
Native keys under `extra` enable DoRA beside PiSSA: two variants on the same modules, while `method.variant` names one.

Why it matters:
The recipe names one adapter, and the compiled file trains another. Each variant was measured by itself; nothing is
known about both together.

Evidence:
The two are often said to exclude each other, which is no longer true: on the CPU, PEFT 0.18.1, 0.20.0 and
0.21.2 (the versions in the three environments) start DoRA with PiSSA exactly at the base model's output (off by 3e-7),
train it and merge it exactly (2e-7). LoRA and DoRA cannot be combined on one module, since one switch chooses between
them. On a quantized base, PiSSA is an error at `method.variant`, and LLaMA-Factory refuses DoRA.

Instead:
Keep one, as `method.variant`. If you want both, add QR204 to `allow`: the reason is then written into the compiled
file.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Both variants, at least one of them by a native key."""
    dora, pissa, variant = (
        context.get_native_value("dora"),
        context.get_native_value("adapter_init"),
        context.plan.method.variant,
    )
    starts = context.get_native_value("pissa_switch") is True or str(pissa).startswith("pissa")
    if not ((dora is True or variant == "dora") and (starts or variant == "pissa") and (dora is True or starts)):
        return
    name = "dora" if dora is True and not (starts and variant == "dora") else "adapter_init"
    key = context.get_native_key(name)
    yield Violation(context.get_native_route(name), f"`{key}` enables DoRA together with PiSSA", f"remove `{key}`")


GUARD = Guard("QR204", "two-variants", "advice", "high", __doc__, check)
