"""What a run's record has inside its lists and maps, as commands read it: a stranger may have written the file.

`validate_record` bounds its numbers.
"""

from __future__ import annotations

from pydantic import BaseModel, Field


class RecipeShape(BaseModel):
    """The recipe as it stood."""

    text: str


class PlanRowShape(BaseModel):
    """One resolved value, whatever its type."""

    field: str
    value: object
    origin: str
    reason: str


class GpuShape(BaseModel):
    """A GPU as nvidia-smi names it, memory in MiB."""

    name: str
    memory: float
    driver: str


class DataShape(BaseModel):
    """A source of rows and its hash."""

    split: str
    path: str | None = None
    hub: str | None = None
    sha256: str | None = None


class EnvironmentShape(BaseModel):
    """Versions by package."""

    packages: dict[str, str] = {}


class SystemShape(BaseModel):
    """The machine's own versions."""

    version: str = Field(alias="qwen-recipes")


class CheckpointShape(BaseModel):
    """A checkpoint's folder, and what is wrong with it."""

    step: float
    folder: str
    damage: str | None


class RecordShape(BaseModel):
    """The parts of run.json that are lists, maps and numbers."""

    recipe: RecipeShape
    plan: list[PlanRowShape]
    gpus: list[GpuShape] = []
    data: list[DataShape] = []
    environment: EnvironmentShape
    system: SystemShape
    checkpoints: list[CheckpointShape] = []
    planned: dict[str, float | str | None] | None = None
    metrics: dict[str, float | str | None] = {}
    rows: dict[str, float] | None = None
    seconds: float | None = None
    steps: float | None = None
    planned_steps: float | None = None
    resumed_from: float | None = None
