"""From a file to a Recipe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from qwen_recipes.finding import Finding, RecipeError, Route
from qwen_recipes.recipe.composition.extends import compose_document
from qwen_recipes.recipe.composition.paths import fill_in_variables
from qwen_recipes.recipe.composition.sweep_key import has_sweep
from qwen_recipes.recipe.cross_field_checks import find_contradictions
from qwen_recipes.recipe.example_lengths import ExampleLengths, read_locked_lengths
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.locked_packages import PackagesByBackend, read_locked_packages
from qwen_recipes.recipe.names import explain_unusable_name, make_name, suggest_name
from qwen_recipes.recipe.overrides import apply_overrides
from qwen_recipes.recipe.read_file import read_recipe_bytes
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.validation import validate_document
from qwen_recipes.recipe.written_values import find_secrets, read_recipe_yaml, remember_secrets_in_overrides
from qwen_recipes.yaml_text.nodes import Document, Mapping, plain_data


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe with the document it was read from."""

    recipe: Recipe
    document: Document
    folder: Path
    """Relative paths of the recipe start here."""
    stage: str = ""
    """The stage of a pipeline's file that it is; empty for a recipe of one run."""
    trial: str = ""
    """The trial of a sweep that it is; empty without one."""
    lengths: ExampleLengths | None = None
    """How long its examples are: what its lock says, or what a command has measured."""
    packages: PackagesByBackend = ()
    """What its lock found in the frameworks' environments beyond their own locks."""

    def list_packages(self, backend: str) -> tuple[str, ...]:
        """What its lock found in a framework's environment beyond the framework's own lock."""
        return dict(self.packages).get(backend, ())

    @property
    def part(self) -> str:
        """Stage and trial, as far as it is one: `dpo/beta0.1`. Empty for a recipe of one run."""
        return "/".join(filter(None, (self.stage, self.trial)))

    @property
    def part_label(self) -> str:
        """What messages call `part`: `stage dpo, trial beta0.1`."""
        return ", ".join(f"{kind} {name}" for kind, name in (("stage", self.stage), ("trial", self.trial)) if name)

    @property
    def name(self) -> str:
        """The recipe's name, or one made of its file's."""
        return self.recipe.name or ("recipe" if self.from_stdin else make_name(self.file_name))

    @property
    def from_stdin(self) -> bool:
        """Whether it was read from standard input, and has no file."""
        return self.document.file == "<stdin>"

    @property
    def file_name(self) -> str:
        """The file's name without its folder; `-` for standard input."""
        return "-" if self.from_stdin else Path(self.document.file).name

    @cached_property
    def secrets(self) -> list[tuple[Route, str]]:
        """Where secrets stand in what the recipe and its bases say, and which."""
        return list(find_secrets(self.document.root))

    @cached_property
    def recipe_hash(self) -> str:
        """SHA-256 over what the recipe and its bases say together, in hex; comments and layout don't count."""
        data = plain_data(self.document.root)
        return hash_content({key: value for key, value in data.items() if key != "extends"})


def hash_content(data: object) -> str:
    """SHA-256 of the canonical JSON of `data`, in hex."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def load_recipe(file: str, overrides: tuple[str, ...] = ()) -> LoadedRecipe:
    """Read, override and validate a recipe: `file` may be `-`, overrides are `path=value`, as for `--set`.

    Raises RecipeReadError, or RecipeError with every problem at once (OverrideError for a wrong override).
    """
    name = "<stdin>" if file == "-" else file
    folder = Path() if file == "-" else Path(file).parent
    return load_recipe_text(read_recipe_bytes(file), name, folder, overrides)


def load_recipe_text(content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...] = ()) -> LoadedRecipe:
    """As `load_recipe`, for text: findings call it `name`, relative paths start at `folder`. Raises RecipeError."""
    document = read_document(content, name, folder, overrides)
    if has_stages(document):
        problem = Finding("recipe", "error", "this recipe has several stages", ("stages",), suggestion="--stage NAME")
        raise RecipeError([locate_finding(document, problem, key=True)])
    return validate_recipe_document(document, folder)


def read_document(content: bytes | str, name: str, folder: Path, overrides: tuple[str, ...]) -> Document:
    """A recipe's text laid over its bases, with overrides and variables. Raises RecipeError."""
    remember_secrets_in_overrides(overrides)
    written = read_recipe_yaml(content, name)
    return fill_in_variables(apply_overrides(compose_document(written, folder), overrides))


def has_stages(document: Document) -> bool:
    """Whether the document is a pipeline."""
    return isinstance(document.root, Mapping) and "stages" in document.root.entries


def override_recipe(loaded: LoadedRecipe, overrides: tuple[str, ...]) -> LoadedRecipe:
    """The recipe with further `path=value` put in. Raises RecipeError."""
    remember_secrets_in_overrides(overrides)
    document = fill_in_variables(apply_overrides(loaded.document, overrides))
    changed = validate_recipe_document(document, loaded.folder, loaded.stage)
    return replace(changed, lengths=loaded.lengths, packages=loaded.packages)


def validate_recipe_document(document: Document, folder: Path, stage: str = "") -> LoadedRecipe:
    """The recipe that a document without stages is; of a sweep, the trial that it names. Raises RecipeError."""
    trial = ""
    if has_sweep(document):
        from qwen_recipes.recipe.composition.sweeps import choose_trial

        trial, document = choose_trial(document)
    recipe = validate_document(document)
    loaded = LoadedRecipe(recipe, document, folder, stage, trial)
    if not loaded.from_stdin:
        paths = [source.path for source in recipe.data.train if source.path]
        lengths = read_locked_lengths(document.file, paths, loaded.part)
        loaded = replace(loaded, lengths=lengths, packages=read_locked_packages(document.file, loaded.part))
    if why := explain_unusable_name(loaded.name):
        problem = Finding(
            "recipe", "error", f"{why[0].upper()}{why[1:]}", ("name",), suggestion=f"name: {suggest_name(loaded.name)}"
        )
        raise RecipeError([locate_finding(document, problem)])
    problems = [locate_finding(document, finding) for finding in find_contradictions(recipe)]
    if problems:
        raise RecipeError(problems)
    return loaded
