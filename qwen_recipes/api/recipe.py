"""A recipe in Python: read from a file, or made of a dict or of fields, and written back as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen_recipes.filesystem.replace_file import replace_file
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe import spec
from qwen_recipes.recipe.file_content import FileContent, load_file_content
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe_text
from qwen_recipes.recipe.overrides import format_override_value
from qwen_recipes.recipe.pipeline import PipelineStage
from qwen_recipes.recipe.read_file import read_recipe_bytes
from qwen_recipes.recipe.spec.section import Section
from qwen_recipes.recipe.trials import LoadedSweep
from qwen_recipes.yaml_text.nodes import plain_data

if TYPE_CHECKING:
    from typing_extensions import Self

SectionValue = Section | Mapping[str, Any]
"""A section of a recipe: a model of the spec, or a map with the same keys as in YAML."""


class Recipe:
    """One recipe. Its fields are those of the YAML file; `Recipe.from_file` reads one.

    Raises RecipeError with every problem at once, each at its line: of the file, or of the YAML that the fields make.
    """

    def __init__(
        self,
        *,
        model: str | SectionValue | None = None,
        data: SectionValue | None = None,
        version: int = 1,
        name: str | None = None,
        extends: str | list[str] | None = None,
        chat: SectionValue | None = None,
        method: str | SectionValue | None = None,
        quantization: SectionValue | None = None,
        objective: str | SectionValue | None = None,
        training: SectionValue | None = None,
        hardware: SectionValue | None = None,
        output: SectionValue | None = None,
        tracking: str | SectionValue | None = None,
        run: SectionValue | None = None,
        allow: Mapping[str, str] | None = None,
        sweep: SectionValue | None = None,
        stages: list[SectionValue] | None = None,
        backends: Mapping[str, SectionValue] | None = None,
        folder: str | Path = ".",
    ) -> None:
        """Make a recipe of its fields; relative paths start at `folder`. Raises RecipeError with every problem."""
        fields = {
            "version": version, "name": name, "extends": extends, "model": model, "data": data, "chat": chat,
            "method": method, "quantization": quantization, "objective": objective, "training": training,
            "hardware": hardware, "output": output, "tracking": tracking, "run": run, "allow": allow, "sweep": sweep,
            "stages": stages, "backends": backends,
        }  # fmt: skip
        written = {key: value for key, value in fields.items() if value is not None}
        self._read(dump_yaml(written), "recipe.yaml", Path(folder), ())

    def _read(self, text: bytes | str, name: str, folder: Path, overrides: tuple[str, ...]) -> None:
        self._text, self._name, self._folder, self._overrides = text, name, folder, overrides
        self._content = load_file_content(text, name, folder, overrides)

    @classmethod
    def from_file(cls, file: str | Path, set: Mapping[str, object] | None = None) -> Self:
        """Read a recipe's file; `set` overrides fields by their paths, as `--set` does.

        Raises RecipeReadError for a file that can't be read, else as the class says.
        """
        return cls.from_yaml(read_recipe_bytes(str(file)), Path(file).parent, set, file=str(file))

    @classmethod
    def from_yaml(
        cls,
        text: bytes | str,
        folder: str | Path = ".",
        set: Mapping[str, object] | None = None,
        file: str = "recipe.yaml",
    ) -> Self:
        """Read a recipe's text; findings call it `file`, relative paths start at `folder`. Raises RecipeError."""
        made = cls.__new__(cls)
        made._read(text, file, Path(folder), _format_overrides(set or {}))
        return made

    @classmethod
    def from_dict(cls, data: Mapping[str, object], folder: str | Path = ".") -> Self:
        """Make a recipe from a map with the same keys as in YAML. Raises RecipeError."""
        return cls.from_yaml(dump_yaml(dict(data)), folder)

    @property
    def loaded(self) -> LoadedRecipe:
        """The recipe with the document that it was read from. Raises RecipeError for one with a sweep or stages."""
        if self._content.pipeline is not None:
            suggestion = f"recipe.stages[{self._content.pipeline.trainings[0].name!r}]"
            message = "this recipe has several stages"
            raise RecipeError(
                [Finding("recipe", "error", message, ("stages",), file=self._name, suggestion=suggestion)]
            )
        if self._content.recipe is None:
            return load_recipe_text(self._text, self._name, self._folder, self._overrides)
        return self._content.recipe

    @property
    def sweep(self) -> LoadedSweep | None:
        """The sweep with its trials; None for a recipe without one."""
        return self._content.sweep

    @property
    def fields(self) -> spec.Recipe:
        """The fields as typed models: `recipe.fields.training.learning_rate`; None where nothing is written.

        Raises RecipeError for a recipe with a sweep or stages: each of `trials` and `stages` has its own.
        """
        return self.loaded.recipe

    @cached_property
    def trials(self) -> dict[str, Recipe]:
        """The trials of a recipe with a `sweep`, by name; empty without one."""
        return {trial.name: _wrap(trial.loaded) for trial in self._content.sweep.trials} if self._content.sweep else {}

    @cached_property
    def stages(self) -> dict[str, Recipe]:
        """The stages of a pipeline that train, by name, in order; empty for a recipe of one run."""
        pipeline = self._content.pipeline
        return {stage.name: _wrap_stage(stage) for stage in pipeline.trainings} if pipeline else {}

    @property
    def name(self) -> str:
        """The recipe's name, or one made of its file's."""
        if self._content.pipeline is not None:
            return self._content.pipeline.name
        return self._content.sweep.name if self._content.sweep else self.loaded.name

    @property
    def file(self) -> str:
        """The file that it was read from; what findings call it."""
        return self._name

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self._folder

    def replace(self, fields: Mapping[str, object]) -> Self:
        """The same recipe with other values: `recipe.replace({"training.epochs": 1})`. Raises RecipeError."""
        made = type(self).__new__(type(self))
        made._read(self._text, self._name, self._folder, (*self._overrides, *_format_overrides(fields)))
        return made

    def to_dict(self) -> dict[str, object]:
        """What the recipe says in its long form, with `extends` and overrides applied.

        A sweep and a pipeline are as they are written.
        """
        if self._content.pipeline is not None:
            return _leave_out_extends(plain_data(self._content.pipeline.document.root))
        if self._content.sweep is not None:
            return _leave_out_extends(plain_data(self._content.sweep.document.root)) | {
                "sweep": self._content.sweep.written
            }
        return self.loaded.recipe.model_dump(exclude_none=True, exclude={"extends"})

    def to_yaml(self) -> str:
        """`to_dict` as YAML, which `from_yaml` reads back as the same recipe."""
        return dump_yaml(self.to_dict())

    def save(self, file: str | Path) -> None:
        """Write `to_yaml` to a file, whole or not at all. Raises OSError."""
        replace_file(Path(file), self.to_yaml(), create_folder=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.to_yaml())

    def __repr__(self) -> str:
        trials = f" with a sweep of {len(self._content.sweep.trials)} trials" if self._content.sweep else ""
        stages = f" of {len(self._content.pipeline.stages)} stages" if self._content.pipeline else ""
        return f"<Recipe {self.name!r}{trials}{stages}>"

    def _repr_html_(self) -> str:
        from qwen_recipes.reports.notebook import render_recipe

        return render_recipe(self.name, self.to_yaml())


def _wrap(loaded: LoadedRecipe) -> Recipe:
    """A recipe that is loaded already."""
    made = Recipe.__new__(Recipe)
    made._text, made._name = dump_yaml(plain_data(loaded.document.root)), str(loaded.document.file)
    made._folder, made._overrides, made._content = loaded.folder, (), FileContent(recipe=loaded)
    return made


def _wrap_stage(stage: PipelineStage) -> Recipe:
    """A stage's recipe, with its sweep."""
    made = _wrap(stage.loaded)
    if stage.sweep is not None:
        made._content = FileContent(sweep=stage.sweep)
        made._text = dump_yaml(made.to_dict())
    return made


def _leave_out_extends(fields: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in fields.items() if key != "extends"}


def dump_yaml(data: Mapping[str, object]) -> str:
    """A recipe's YAML; models of the spec are written as what was set in them."""
    import yaml

    text: str = yaml.safe_dump(_make_plain(data), sort_keys=False, allow_unicode=True)
    return text


def _make_plain(value: object) -> object:
    if isinstance(value, Section):
        return _make_plain(value.model_dump(exclude_none=True))
    if isinstance(value, Mapping):
        return {str(key): _make_plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_make_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _format_overrides(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Fields and values as `--set` takes them; maps and texts are quoted as JSON."""
    import json

    def text(value: object) -> str:
        return format_override_value(value) if isinstance(value, (bool, int, float)) else json.dumps(value)

    return tuple(f"{field}={text(_make_plain(value))}" for field, value in fields.items())
