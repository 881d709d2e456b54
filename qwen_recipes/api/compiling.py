"""`compile_recipe`: a framework's own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.api.recipe import Recipe
from qwen_recipes.cli.compile import get_compiled_folder
from qwen_recipes.compile import CompiledRecipe, compile_backend_recipe, write_files
from qwen_recipes.finding import Finding
from qwen_recipes.resolve.choose_backend import choose_backend


@dataclass(frozen=True)
class CompiledFiles:
    """The files that a framework reads, by name; nothing is on disk before `write`."""

    compiled: CompiledRecipe
    root: Path

    @property
    def files(self) -> dict[str, str]:
        """Text by file name; `run.sh` starts the training."""
        return self.compiled.files

    @property
    def backend(self) -> str:
        """The framework's name."""
        return self.compiled.backend.name

    @property
    def folder(self) -> Path:
        """Where `write` puts the files."""
        return self.compiled.folder

    @property
    def findings(self) -> list[Finding]:
        """Warnings and advice."""
        return self.compiled.findings

    def write(self, *, force: bool = False) -> list[str]:
        """Write all files or none; the names of those that changed.

        Raises HandEditedError where one was edited by hand, unless `force`, and OSError.
        """
        return write_files(self.folder, self.files, root=self.root, force=force)


def compile_recipe(
    recipe: Recipe | str | Path, backend: str | None = None, *, folder: str | Path | None = None
) -> CompiledFiles:
    """Compile a recipe for a framework, as for the folder `folder`/BACKEND. [default folder: compiled/NAME]

    `backend` is a framework's name; without one, `run.backend`, else the first that supports the recipe. Raises
    RecipeError with every guard's error and every setting that the framework does not support; RecipeReadError,
    UnknownBackendError.
    """
    made = recipe if isinstance(recipe, Recipe) else Recipe.from_file(recipe)
    chosen, _ = choose_backend(made.loaded, backend)
    root = get_compiled_folder(made.loaded, Path(folder) if folder is not None else None)
    return CompiledFiles(compile_backend_recipe(chosen, root / chosen.backend.name), root if folder else Path())
