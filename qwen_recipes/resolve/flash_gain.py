"""Whether a recipe's environment has the FlashAttention that a choice would need, and how it is had."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.flash_attention import PREFIX, explain_not_installable, find_flash_use, format_create_command
from qwen_recipes.backends.plan import Plan
from qwen_recipes.recipe.load import LoadedRecipe


@dataclass(frozen=True)
class FlashGain:
    """A recipe's cautious plan: what it says itself counts as there."""

    loaded: LoadedRecipe
    backend: Backend
    plan: Plan

    def explain_missing(self, attention: str) -> str:
        """How to get what an attention needs; empty of another attention, and where it is there or was asked for."""
        if not attention.startswith(PREFIX) or attention == self.plan.training.attention:
            return ""
        if self.plan.run.environment != "managed":
            return f"it is not known whether your environment has it; if it does, set `attention: {attention}`"
        use = find_flash_use(self.backend, attention)
        packages = use.packages if use is not None else ()
        if any(name in self.loaded.list_packages(self.backend.name) for name in packages):
            return ""
        h = self.plan.hardware
        name = next((one for one in packages if not explain_not_installable(self.backend, one, h.device, h.gpu)), "")
        if not name:
            return f"{attention} cannot be installed in the managed environment"
        command = format_create_command(self.backend.name, h.device, [name])
        return f"it needs `{command}`, then `recipes lock` or `attention: {attention}`"
