"""The recipe: one YAML file that says what a person wants from fine-tuning a Qwen3 model.

Written by tools/generate_docs.py from spec/recipe.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.field_kinds import MapOf, OneOf, PartOf, String, WithShorthand
from qwen_recipes.recipe.part import RecipePart
from qwen_recipes.recipe.parts.method import Method, Quantization
from qwen_recipes.recipe.parts.objective import Objective
from qwen_recipes.recipe.parts.place import BackendOptions, Hardware, Output, Run, Tracking
from qwen_recipes.recipe.parts.source import Chat, Data, Model
from qwen_recipes.recipe.parts.training import Training
from qwen_recipes.recipe.shorthands import Shorthand

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind


class Recipe(RecipePart):
    """One fine-tuning run. `version`, `model` and `data.train` are enough; the rest has defaults."""

    version: Literal[1]
    name: str | None = None
    model: Model
    data: Data
    chat: Chat | None = None
    method: Method | None = None
    quantization: Quantization | None = None
    objective: Objective | None = None
    training: Training | None = None
    hardware: Hardware | None = None
    output: Output | None = None
    tracking: Tracking | None = None
    run: Run | None = None
    allow: dict[str, str] | None = None
    backends: dict[str, BackendOptions] | None = None

    kinds: ClassVar[dict[str, FieldKind]] = {
        "version": OneOf(1),
        "name": String(max_length=100, pattern="[0-9A-Za-zª-\U000323af][0-9A-Za-z._ª-\U000323af-]*"),
        "model": WithShorthand(Shorthand("id"), PartOf(Model)),
        "data": PartOf(Data),
        "chat": PartOf(Chat),
        "method": WithShorthand(Shorthand("type"), PartOf(Method)),
        "quantization": PartOf(Quantization),
        "objective": WithShorthand(Shorthand("type"), PartOf(Objective)),
        "training": PartOf(Training),
        "hardware": PartOf(Hardware),
        "output": PartOf(Output),
        "tracking": WithShorthand(Shorthand("to"), PartOf(Tracking)),
        "run": PartOf(Run),
        "allow": MapOf(String(pattern="QR[0-9]{3}"), String(min_length=3)),
        "backends": MapOf(String(), PartOf(BackendOptions)),
    }
    required = ("version", "model", "data")
