"""What `recipes verify` has to know of a framework: its trainers, what needs a GPU, how tokens differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from qwen_recipes.backends.plan import Plan

BASE_TEMPLATES, CHAT_TEMPLATES = ("base",), ("hybrid", "instruct-2507", "thinking-2507")
ALL_TEMPLATES = (*CHAT_TEMPLATES, *BASE_TEMPLATES)


@dataclass(frozen=True)
class KnownDifference:
    """One kind of difference in tokens (`verify.compare.DIFFERENCE_KINDS`) that no config of the framework removes.

    It says with which objective and chat templates it comes, and which guard tells of it beforehand.
    """

    backend: str
    objective: str
    templates: tuple[str, ...]
    kind: str
    guard: str
    why: str


@dataclass(frozen=True)
class SetAside:
    """A field of the plan that a probe can't start: when, by its value; what takes its place, and why."""

    part: str
    name: str
    is_needed: Callable[[Any], bool]
    value: Any
    reason: str

    @property
    def field(self) -> str:
        """The plan's path."""
        return f"{self.part}.{self.name}"


@dataclass(frozen=True)
class Verification:
    """What `recipes verify` and `recipes verify --trainer` hold a framework to, beyond the plan."""

    top_module: str = ""
    """The package that its trainers come from; empty where it has the backend's name."""
    name_trainer_class: Callable[[Plan], str | None] = lambda plan: None
    """The class that trains a plan; None where that is not known, and not compared."""
    set_aside_on_cpu: tuple[SetAside, ...] = ()
    """What it starts on GPUs alone, beside what no framework starts on a CPU."""
    known_differences: tuple[KnownDifference, ...] = ()
    custom_template_difference: KnownDifference | None = None
    """What explains any difference under a chat template that is not Qwen's."""
    unseen: Mapping[str, Callable[[Plan], str | None]] = field(default_factory=dict)
    """By field of the plan: why its trainer does not show it, where it does not."""
    rounds_warmup_down: bool = False
    """Whether a share of warmup loses its fraction, and one step becomes two, in a run counted in epochs."""
    reward_head_dropout: float = 0.0
    """Dropout of a reward model's head that no key changes."""
