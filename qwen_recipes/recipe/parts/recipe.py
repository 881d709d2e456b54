"""The recipe: one YAML file that says what a person wants from fine-tuning a Qwen3 model.

Written by scripts/docs.py from spec/recipe.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_recipes.recipe.kinds import Kind, MapOf, OneOf, PartOf, Short, Text
from qwen_recipes.recipe.part import Part
from qwen_recipes.recipe.parts.method import Method, Quantization
from qwen_recipes.recipe.parts.objective import Objective
from qwen_recipes.recipe.parts.place import BackendOptions, Hardware, Output, Run, Tracking
from qwen_recipes.recipe.parts.source import Chat, Data, Model
from qwen_recipes.recipe.parts.training import Training
from qwen_recipes.recipe.short_forms import ShortForm

if TYPE_CHECKING:
    from typing import ClassVar, Literal

    from qwen_recipes.recipe.kinds import Kind


class Recipe(Part):
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

    kinds: ClassVar[dict[str, Kind]] = {
        "version": OneOf(1),
        "name": Text(max_length=100, pattern="[A-Za-z0-9][A-Za-z0-9._-]*"),
        "model": Short(ShortForm("id"), PartOf(Model)),
        "data": PartOf(Data),
        "chat": PartOf(Chat),
        "method": Short(ShortForm("type"), PartOf(Method)),
        "quantization": PartOf(Quantization),
        "objective": Short(ShortForm("type"), PartOf(Objective)),
        "training": PartOf(Training),
        "hardware": PartOf(Hardware),
        "output": PartOf(Output),
        "tracking": Short(ShortForm("to"), PartOf(Tracking)),
        "run": PartOf(Run),
        "allow": MapOf(Text(pattern="QR[0-9]{3}"), Text(min_length=3)),
        "backends": MapOf(Text(), PartOf(BackendOptions)),
    }
    required = ("version", "model", "data")
