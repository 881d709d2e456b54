"""What a guard is: one rule, one module, whose docstring is its page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from qwen_recipes.backends.base import Backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.versions import within
from qwen_recipes.estimate.gpus import Gpu, gpu_named
from qwen_recipes.qwen.models import ModelFacts, model_facts
from qwen_recipes.recipe.finding import Route, Severity
from qwen_recipes.recipe.load import Loaded

HEADINGS = ("What", "Why it matters", "Evidence", "Instead")


@dataclass(frozen=True)
class Facts:
    """What a guard may look at. Rows and weights are not among it: linting a file stays instant."""

    plan: Plan
    loaded: Loaded
    backend: Backend

    @cached_property
    def model(self) -> ModelFacts:
        """Shape and counts of the model."""
        return model_facts(self.plan.model.id, self.loaded.folder)

    @property
    def gpu(self) -> Gpu | None:
        """The GPU that the recipe names."""
        return gpu_named(self.plan.hardware.gpu) if self.plan.hardware.gpu else None

    @property
    def own_template(self) -> bool:
        """Whether LLaMA-Factory renders the rows by its `qwen3` template: preferences, and a Base model's rows.

        All other rows come to it as the official template's text.
        """
        plan = self.plan
        sft = plan.objective.type == "sft" and (plan.chat.exact or plan.chat.template != "base")
        return self.backend.name == "llamafactory" and plan.objective.chat and not sft

    def asked(self, path: str) -> bool:
        """Whether the person wrote this field of the recipe."""
        return path in self.plan.asked

    def written(self, *paths: str) -> Route:
        """The first of these fields that the person wrote, as it stands in the text; the model where none is."""
        path = next((path for path in paths if self.asked(path)), "model.id")
        return self.loaded.document.nearest(tuple(path.split(".")))

    def native(self, keys: Mapping[str, str]) -> Any:
        """What `extra` says under this backend's name for something, or None. `keys`: backend to native key."""
        return self.plan.extra.get(keys.get(self.backend.name, ""))

    def native_route(self, keys: Mapping[str, str]) -> Route:
        """Where that stands."""
        return ("backends", self.backend.name, "extra", keys[self.backend.name])


@dataclass(frozen=True)
class Fix:
    """Values that would make the guard content, by dotted path. `safe` keeps what the person means."""

    sets: tuple[tuple[str, object], ...]
    safe: bool


@dataclass(frozen=True)
class Hit:
    """One place where the rule is broken."""

    route: Route
    message: str
    instead: str
    fix: Fix | None = None


@dataclass(frozen=True)
class Guard:
    """One rule. `docstring` is its module's: a title, then the parts named in HEADINGS."""

    code: str
    name: str
    severity: Severity
    confidence: Literal["high", "medium", "low"]
    docstring: str
    check: Callable[[Facts], Iterator[Hit]]
    backends: tuple[str, ...] = ()
    """Names of the backends it is about; none means all."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """For a backend, the versions that it is about (`<0.12`, `>=0.9.3,<0.9.6`); none means all."""
    comes_with: str = ""
    """The command or backend to come that this is about (`merge`, `trl`, ...): until then it is a page only."""

    @property
    def title(self) -> str:
        """The first line of its page."""
        return self.docstring.strip().splitlines()[0].rstrip(".")

    def concerns(self, backend: str, version: str) -> bool:
        """Whether it is about this backend at this version."""
        return (not self.backends or backend in self.backends) and within(version, self.versions.get(backend, ""))

    def part(self, heading: str) -> str:
        """The text under one of the page's headings, without the heading. Empty where there is none."""
        ends = "|".join(re.escape(h) for h in HEADINGS)
        found = re.search(rf"^{re.escape(heading)}:\n(.*?)(?=^(?:{ends}):\n|\Z)", self.docstring, re.M | re.S)
        return found.group(1).strip() if found else ""
