"""`extends`: the files and presets that a recipe is laid over.

Later ones win over earlier ones, and the recipe itself over all. A base may extend others.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import NoReturn

from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.finding import Finding, RecipeError
from qwen_recipes.recipe.composition.merge import merge_nodes, set_file
from qwen_recipes.recipe.composition.paths import drop_variables, fill_in_variables, find_variable_problems, move_paths
from qwen_recipes.recipe.composition.presets import PRESET_PREFIX, get_preset_file, list_presets
from qwen_recipes.recipe.locate import locate_finding
from qwen_recipes.recipe.read_file import RecipeReadError, read_recipe_bytes
from qwen_recipes.recipe.suggestions import find_closest_match
from qwen_recipes.recipe.written_values import read_recipe_yaml
from qwen_recipes.yaml_text.nodes import Document, Mapping, Node, Scalar, Sequence

MAX_BASES = 50
"""A recipe extends at most so many files, those of its bases among them, and one as often as it is named."""

_SUFFIXES = (".yaml", ".yml")


class CompositionError(RecipeError):
    """Bases that cannot be read, or variables that cannot be filled in.

    `rest` is the recipe over the bases that can be read: what else is wrong with it is found there.
    """

    def __init__(self, findings: list[Finding], rest: Document) -> None:
        super().__init__(findings)
        self.rest = replace(rest, root=drop_variables(rest.root))


def compose_document(document: Document, folder: Path) -> Document:
    """The document, which lies in `folder`, laid over all that it extends, with its variables filled in.

    Places in other files keep their file. Raises CompositionError with all bases that are missing, unreadable or extend
    themselves, and all variables that cannot be filled in.
    """
    if not isinstance(document.root, Mapping) or "extends" not in document.root.entries:
        if problems := find_variable_problems(document):
            raise CompositionError(problems, document)
        return fill_in_variables(document)
    return _Composer(folder).compose(document)


@dataclass(frozen=True)
class _Base:
    """One entry of `extends`: what is written, and where it leads."""

    text: str
    file: Path
    name: str
    """What messages call it."""


class _Composer:
    """Reads the bases of one recipe; their relative paths are made to start at its `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bases: dict[str, Document] = {}
        self.count = 0
        """Bases that were read, each as often as it is named."""
        self.problems: list[Finding] = []

    def compose(self, document: Document) -> Document:
        """The recipe over its bases. It keeps its `extends`, for messages about them.

        Raises CompositionError with every base that cannot be read.
        """
        assert isinstance(document.root, Mapping)
        merged = self._lay_over_bases(document, self.folder, (_identify(Path(document.file)),))
        entries = {"extends": document.root.entries["extends"], **merged.entries}
        keys = {"extends": document.root.keys["extends"], **merged.keys}
        composed = replace(document, root=Mapping(document.root.span, entries, keys), bases=self.bases)
        if self.problems:
            raise CompositionError(self.problems, composed)
        return composed

    def _lay_over_bases(self, document: Document, origin: Path, chain: tuple[str, ...]) -> Mapping:
        """What a file in `origin` says, over its bases; `chain` holds the files that led to it, itself included."""
        bases = []
        unfilled = list(find_variable_problems(document))
        self.problems += unfilled
        for node in _list_entries(document.root):
            if self.count > MAX_BASES:
                break
            try:
                bases.append(self._read_base(node, document, origin, chain))
            except RecipeError as error:
                self.problems += error.findings
        own = document.root if unfilled else fill_in_variables(document).root
        own = move_paths(_without_extends(own), origin, self.folder)
        merged = reduce(merge_nodes, [*bases, own])
        assert isinstance(merged, Mapping)
        return merged

    def _read_base(self, node: Node, document: Document, origin: Path, chain: tuple[str, ...]) -> Node:
        base = _find_base(node, document, origin)
        identity = _identify(base.file)
        if identity in chain:
            names = " → ".join(Path(file).name for file in (*chain[chain.index(identity) :], identity))
            _raise_at(document, node, f"circular `extends`: {names}", "remove one of them")
        self.count += 1
        if self.count > MAX_BASES:
            _raise_at(document, node, f"too many bases: a recipe may extend at most {MAX_BASES} files")
        try:
            read = read_recipe_yaml(read_recipe_bytes(str(base.file)), base.name)
        except RecipeReadError as error:
            _raise_at(document, node, str(error), "a file relative to this one, or the name of a preset")
        if not isinstance(read.root, Mapping):
            _raise_at(document, node, f"{base.name} is not a map of fields and values")
        self.bases[base.name] = read
        marked = replace(read, root=set_file(read.root, base.name), bases={base.name: read})
        return self._lay_over_bases(marked, base.file.parent, (*chain, identity))


def _find_base(node: Node, document: Document, origin: Path) -> _Base:
    text = str(node.value) if isinstance(node, Scalar) and isinstance(node.value, str) else ""
    if not text:
        _raise_at(document, node, "`extends` expects file names or names of presets", f"extends: {list_presets()[0]}")
    if text.endswith(_SUFFIXES):
        file = origin / expand_home(text)
        return _Base(text, file, os.path.normpath(file))
    if "/" in text:
        _raise_at(document, node, f"`{text}` is not a YAML file", f"{text}.yaml")
    file_or_none = get_preset_file(text)
    if file_or_none is None:
        known = list_presets()
        close = find_closest_match(text, known)
        _raise_at(document, node, f"unknown preset `{text}`; presets: {', '.join(known)}", close or f"{text}.yaml")
    return _Base(text, file_or_none, PRESET_PREFIX + text)


def _list_entries(root: Node) -> list[Node]:
    """What stands under `extends`: one entry or a list of them."""
    assert isinstance(root, Mapping)
    node = root.entries.get("extends")
    return [] if node is None else node.items if isinstance(node, Sequence) else [node]


def _without_extends(root: Node) -> Mapping:
    assert isinstance(root, Mapping)
    entries = {key: node for key, node in root.entries.items() if key != "extends"}
    return Mapping(root.span, entries, {key: root.keys[key] for key in entries})


def _identify(file: Path) -> str:
    return os.path.realpath(file)


def _raise_at(document: Document, node: Node, message: str, suggestion: str = "") -> NoReturn:
    problem = Finding("recipe", "error", message, ("extends",), suggestion=suggestion, span=node.span)
    raise RecipeError([locate_finding(document, problem)])
