"""What a guard is: one rule, one module, whose docstring is its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.versions import is_within_bounds
from qwen_recipes.finding import Route, Severity
from qwen_recipes.gpus.gpu_model import GpuModel
from qwen_recipes.qwen.models import ModelFacts, get_model_facts
from qwen_recipes.recipe.load import LoadedRecipe

PAGE_HEADINGS = ("What", "Why it matters", "Evidence", "Instead")


@dataclass(frozen=True)
class GuardContext:
    """What a guard may look at. Rows and weights are not among it: linting a file stays instant."""

    plan: Plan
    loaded: LoadedRecipe
    backend: Backend

    @cached_property
    def model(self) -> ModelFacts:
        """Shape and counts of the model."""
        return get_model_facts(self.plan.model, self.loaded.folder)

    @property
    def gpu(self) -> GpuModel | None:
        """The GPU that the recipe names or states."""
        return self.plan.hardware.gpu

    @property
    def uses_llamafactory_template(self) -> bool:
        """Whether LLaMA-Factory renders the rows by its `qwen3` template: preferences, and a Base model's rows.

        All other rows come to it as the official template's text.
        """
        plan = self.plan
        sft = plan.objective.type == "sft" and (plan.chat.exact or plan.chat.template != "base")
        return self.backend.name == "llamafactory" and plan.objective.chat and not sft

    def is_set(self, path: str) -> bool:
        """Whether the person wrote this field of the recipe, or one of this map."""
        return path in self.plan.set_fields or any(one.startswith(f"{path}.") for one in self.plan.set_fields)

    def locate_field(self, *paths: str) -> Route:
        """The first of these fields that the person wrote, as it stands in the text; the model where none is."""
        path = next((path for path in paths if self.is_set(path)), "model.id")
        return self.loaded.document.find_nearest_route(tuple(path.split(".")))

    def get_native_key(self, name: str) -> str:
        """This backend's key for something (see `Backend.guard_keys`); empty where it has none."""
        return self.backend.guard_keys.get(name, "")

    def get_native_value(self, name: str) -> object:
        """What `extra` says under that key, or None."""
        return self.plan.extra.get(self.get_native_key(name))

    def get_native_route(self, name: str) -> Route:
        """Where that stands."""
        return ("backends", self.backend.name, "extra", self.get_native_key(name))


@dataclass(frozen=True)
class Fix:
    """Values that would make the guard content, by dotted path. `safe` keeps what the person means."""

    sets: tuple[tuple[str, object], ...]
    safe: bool


@dataclass(frozen=True)
class Violation:
    """One place where the rule is broken; `at_key` points at the key there instead of its value."""

    route: Route
    message: str
    suggestion: str
    fix: Fix | None = None
    at_key: bool = False


@dataclass(frozen=True)
class Guard:
    """One rule. `docstring` is its module's: a title, then the parts named in PAGE_HEADINGS."""

    code: str
    name: str
    severity: Severity
    confidence: Literal["high", "medium", "low"]
    docstring: str
    check: Callable[[GuardContext], Iterator[Violation]]
    backends: tuple[str, ...] = ()
    """Names of the backends it is about; none means all."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """For a backend, the versions that it is about (`<0.12`, `>=0.9.3,<0.9.6`); none means all."""
    checked_by: str = ""
    """The command that runs it where linting does not: `data check`."""

    @property
    def title(self) -> str:
        """The first line of its page."""
        return self.docstring.strip().splitlines()[0].rstrip(".")

    def applies_to(self, backend: str, version: str) -> bool:
        """Whether it is about this backend at this version."""
        return (not self.backends or backend in self.backends) and is_within_bounds(
            version, self.versions.get(backend, "")
        )

    def get_section(self, heading: str) -> str:
        """The text under one of the page's headings, without the heading. Empty where there is none."""
        ends = "|".join(re.escape(h) for h in PAGE_HEADINGS)
        found = re.search(rf"^{re.escape(heading)}:\n(.*?)(?=^(?:{ends}):\n|\Z)", self.docstring, re.M | re.S)
        return found.group(1).strip() if found else ""
