"""What a recipe's file holds, read once: a pipeline, a sweep or one recipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.recipe.load import LoadedRecipe, has_stages, read_document, validate_recipe_document
from qwen_recipes.recipe.pipeline import Pipeline, find_every_problem, get_training, make_pipeline
from qwen_recipes.recipe.read_file import read_recipe_bytes
from qwen_recipes.recipe.trials import LoadedSweep, make_trials


@dataclass(frozen=True)
class FileContent:
    """One of these; the others are None."""

    pipeline: Pipeline | None = None
    sweep: LoadedSweep | None = None
    recipe: LoadedRecipe | None = None

    @property
    def recipes(self) -> list[LoadedRecipe]:
        """The recipes that train: of each stage, of each trial, or the one."""
        if self.pipeline is not None:
            return [loaded for stage in self.pipeline.trainings for loaded in stage.recipes]
        if self.sweep is not None:
            return [trial.loaded for trial in self.sweep.trials]
        return [self.recipe] if self.recipe is not None else []

    @property
    def sweeps(self) -> list[LoadedSweep]:
        """The recipe's sweep, or those of stages."""
        stages = self.pipeline.stages if self.pipeline is not None else ()
        return [sweep for sweep in (self.sweep, *(stage.sweep for stage in stages)) if sweep is not None]


def load_file_content(
    content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...] = (), stage: str = ""
) -> FileContent:
    """What a file's text holds, or the stage named: findings call it `name`, relative paths start at `folder`.

    Raises RecipeError with every problem.
    """
    with find_every_problem(folder):
        document = read_document(content, name, folder, overrides)
    pipeline = make_pipeline(document, folder, overrides) if has_stages(document) else None
    if stage:
        chosen = get_training(pipeline, stage, name)
        return FileContent(sweep=chosen.sweep) if chosen.sweep else FileContent(recipe=chosen.loaded)
    if pipeline is not None:
        return FileContent(pipeline)
    if sweep := make_trials(document, folder):
        return FileContent(sweep=sweep)
    return FileContent(recipe=validate_recipe_document(document, folder))


def load_recipes_text(
    content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...] = (), stage: str = ""
) -> list[LoadedRecipe]:
    """The recipes in a file's text: of each stage that trains, or of the stage named; else the one.

    Raises RecipeError.
    """
    return load_file_content(content, name, folder, overrides, stage).recipes


def load_recipes(file: str, overrides: tuple[str, ...] = (), stage: str = "") -> list[LoadedRecipe]:
    """As `load_recipes_text`, of a file. Raises RecipeReadError, RecipeError."""
    name, folder = ("<stdin>", Path()) if file == "-" else (file, Path(file).parent)
    return load_recipes_text(read_recipe_bytes(file), name, folder, overrides, stage)
