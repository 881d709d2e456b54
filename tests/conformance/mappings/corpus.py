"""Recipes compiled once for all mappings, and rendered again with one turned off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

from qwen_recipes.backends import Backend, OutputFile, load_backends
from qwen_recipes.compile import CompiledRecipe, compile_recipe, write_files
from qwen_recipes.compile.compiler import REWARDS_JSON, ROWS_JSON
from qwen_recipes.compile.extra_keys import append_extra_keys
from qwen_recipes.compile.render import Renderer, make_environment, make_recipe_path
from qwen_recipes.compile.traced_plan import find_source_fields
from qwen_recipes.compile.value_formats import remove_marks
from qwen_recipes.data.rows.files_beside_rows import copy_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import LoadedRecipe, load_recipe

from .places import TemplateMapping, Way, choose_other_value, copy_templates

ROOT = Path(__file__).parents[3]
FOLDERS = ("examples", "tests/conformance/recipes", "tests/conformance/mappings/recipes")
PARSERS = ROOT / "tests/conformance/parsers"
RECIPES = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.yaml"))


@dataclass(frozen=True, eq=False)
class MappingCase:
    """One recipe compiled for one backend at one version, and written to `folder`."""

    recipe: Path
    loaded: LoadedRecipe
    backend: Backend
    made: CompiledRecipe
    folder: Path

    @property
    def outputs(self) -> list[OutputFile]:
        """The files that templates write."""
        shared = [ROWS_JSON, REWARDS_JSON] if self.made.plan.objective.rewards else [ROWS_JSON]
        return [*self.backend.list_output_files(self.made.plan), *shared]

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.recipe.stem} for {self.backend.name} {self.backend.version}"

    @property
    def rows(self) -> Path:
        """Where the files lie that the framework reads."""
        return Path(self.made.plan.output.dir) / "rows"

    def wrote(self, field: str) -> bool:
        """Whether the person wrote what this field of the plan was computed from."""
        return bool(set(find_source_fields(self.made.plan, field)) & self.made.plan.set_fields)

    @contextmanager
    def changed(self, name: str, text: str) -> Iterator[None]:
        """One output is another for a while, where it was compiled to and, if it is read there, beside the rows."""
        places = [place for place in (self.folder / name, self.rows / name) if place.exists()]
        for place in places:
            place.write_text(text, "utf-8")
        try:
            yield
        finally:
            for place in places:
                place.write_text(self.made.files[name], "utf-8")


PARSED = tuple(backend for backend in load_backends() if (PARSERS / f"{backend.folder.name}.py").is_file())
"""Those whose own parser reads what is compiled."""


class MappingCorpus:
    """All recipes for all backends; `folder` is where they are compiled to, when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def newest(self) -> list[MappingCase]:
        """At the versions whose environments are locked; in an order that has every kind of recipe among the first."""
        return sorted(self._compile(PARSED), key=lambda case: sha256(case.name.encode()).digest())

    @cached_property
    def older(self) -> list[MappingCase]:
        """At the other versions that can be compiled for."""
        return list(self._compile([b.at_version(v) for b in PARSED for v in b.older_versions]))

    def _compile(self, backends: Sequence[Backend]) -> Iterator[MappingCase]:
        for recipe in RECIPES:
            for backend in backends:
                folder = self.folder / recipe.stem / f"{backend.name}-{backend.version}"
                loaded = load_recipe(str(recipe), (f"output.dir={folder / 'output'}",))
                try:
                    made = compile_recipe(loaded, backend, folder)
                except RecipeError:
                    continue
                write_files(folder, made.files)
                copy_files(json.loads(made.files["rows.json"]), folder)
                yield MappingCase(recipe, loaded, backend, made, folder)


@dataclass(frozen=True)
class ChangedOutput:
    """A case with one of its files as it is without the mapping."""

    case: MappingCase
    backend: Backend
    output: OutputFile
    text: str


def render_without(
    mapping: TemplateMapping, way: Way, cases: list[MappingCase], folder: Path
) -> Iterator[ChangedOutput]:
    """The files that come out otherwise with a mapping turned off; its templates lie in `folder`."""
    package, _, template = mapping.template.partition("/")
    for case in cases:
        if package not in ("shared", case.backend.folder.name):
            continue
        for output in [one for one in case.outputs if one.template == template]:
            backend = replace(case.backend, templates=make_templates(mapping, way, case.backend, folder))
            text = render(case, backend, output)
            if text != case.made.files[output.name]:
                yield ChangedOutput(case, backend, output, text)


def make_templates(mapping: TemplateMapping, way: Way, backend: Backend, folder: Path) -> Path:
    """A folder with the backend's templates and one mapping turned off, and what they need to be rendered."""
    place = folder / backend.folder.name
    if not place.exists():
        place.mkdir(parents=True)
        copy_templates(mapping, way, backend.folder.name, place)
    for kind in ("yaml", "json", "shell"):
        for marked in (False, True):
            environment = make_environment(place, kind, marked)
            environment.filters["other"] = partial(_choose_other, backend)
    return place


def _choose_other(backend: Backend, value: object, table: str = "") -> object:
    return choose_other_value(backend.native_values, value, table)


def render(case: MappingCase, backend: Backend, output: OutputFile) -> str:
    """One file; the word `refused: …` where it can't be written."""
    recipe_path = make_recipe_path(case.folder, case.loaded)
    renderer = Renderer(case.made.plan, backend, recipe_path, case.loaded.folder)
    try:
        text = renderer.render(output)
        return remove_marks(append_extra_keys(text, renderer.plan.extra, backend.name) if output.config else text)
    except Exception as error:  # a template that can't be rendered is noticed
        return f"refused: {error}"
