"""Settings that a recipe leaves open and that change speed and memory alone, and values chosen for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.hardware_and_output import Hardware
from qwen_recipes.recipe.spec.training import Training


@dataclass(frozen=True)
class Choice:
    """Values for open settings, `pack_length` in tokens; None leaves one to the resolver's own default."""

    strategy: str | None = None
    packing: bool | None = None
    pack_length: int | None = None
    micro_batch_size: int | None = None
    gradient_checkpointing: bool | None = None
    attention: str | None = None
    kernels: tuple[str, ...] | None = None

    def fill_in(self, recipe: Recipe) -> Recipe:
        """The recipe with these values, as if they were written. Only open settings may be named here."""
        names = ("packing", "pack_length", "micro_batch_size", "gradient_checkpointing", "attention")
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        values["kernels"] = None if self.kernels is None else list(self.kernels) or ["none"]
        training = {name: value for name, value in values.items() if value is not None}
        hardware = {} if self.strategy is None else {"strategy": self.strategy}
        return recipe.model_copy(
            update={
                "training": (recipe.training or Training.make_empty()).model_copy(update=training),
                "hardware": (recipe.hardware or Hardware.make_empty()).model_copy(update=hardware),
            }
        )

    def apply(self, plan: Plan) -> Plan:
        """The plan with the micro-batch, checkpointing, attention and kernels: what no other value depends on."""
        t = plan.training
        micro = self.micro_batch_size or t.micro_batch_size
        liger, lora = t.liger, t.lora_kernels
        if self.kernels is not None:
            liger, lora = "liger" in self.kernels, "lora" in self.kernels
        checkpointing = t.gradient_checkpointing if self.gradient_checkpointing is None else self.gradient_checkpointing
        changed = replace(
            t,
            micro_batch_size=micro,
            gradient_accumulation=t.batch_size // (micro * plan.hardware.replicas),
            gradient_checkpointing=checkpointing,
            attention=self.attention or t.attention,
            liger=liger,
            lora_kernels=lora,
        )
        return replace(plan, training=changed)


@dataclass(frozen=True)
class OpenSettings:
    """Which settings the recipe leaves open."""

    strategy: bool
    packing: bool
    pack_length: bool
    micro_batch_size: bool
    gradient_checkpointing: bool
    attention: bool
    kernels: bool


def find_open_settings(recipe: Recipe) -> OpenSettings:
    """What of these the recipe does not say; `auto` says nothing."""
    t, h = recipe.training or Training.make_empty(), recipe.hardware or Hardware.make_empty()
    return OpenSettings(
        strategy=h.strategy in (None, "auto") and h.offload is None,
        packing=t.packing is None,
        pack_length=t.pack_length is None,
        micro_batch_size=t.micro_batch_size is None,
        gradient_checkpointing=t.gradient_checkpointing is None,
        attention=t.attention in (None, "auto"),
        kernels=t.kernels is None,
    )


PLAN_PATHS = {
    "strategy": ("hardware.strategy",),
    "packing": ("training.packing",),
    "pack_length": ("training.pack_length",),
    "micro_batch_size": ("training.micro_batch_size",),
    "gradient_checkpointing": ("training.gradient_checkpointing",),
    "attention": ("training.attention",),
    "kernels": ("training.liger", "training.lora_kernels"),
}
"""Values of the plan that each setting stands for."""
