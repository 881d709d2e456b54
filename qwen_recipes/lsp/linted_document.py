"""A document as the editor holds it, and what `recipes lint` says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from qwen_recipes.finding import Finding, RecipeError, Span
from qwen_recipes.guards.lint import lint_text
from qwen_recipes.guards.lint_settings import LintSettingsError, load_lint_settings
from qwen_recipes.guards.native.lint_native import lint_if_native
from qwen_recipes.guards.unjudged import describe_unjudged_native, describe_unjudged_recipes
from qwen_recipes.recipe.file_names import RECIPE_SUFFIXES
from qwen_recipes.yaml_text.nodes import Document
from qwen_recipes.yaml_text.reader import read_yaml

DocumentKind = Literal["recipe", "native", "other"]
_MODELINE = re.compile(r"^#\s*yaml-language-server:\s*\$schema=\S*\brecipe(\.draft-07)?\.schema\.json\b", re.M)
_TOP_LEVEL_KEYS = (re.compile(r"^version[ \t]*:[ \t]*1\b", re.M), re.compile(r"^(model|data)[ \t]*:", re.M))


def is_recipe_document(name: str, text: str) -> bool:
    """Whether a YAML document is ours: by its name, by its modeline, or by the keys that every recipe has."""
    if name.endswith(RECIPE_SUFFIXES) or _MODELINE.search(text):
        return True
    return all(key.search(text) for key in _TOP_LEVEL_KEYS)


@dataclass(frozen=True)
class LintedDocument:
    """One version of a document, its findings, and what is wrong with the settings that apply to it."""

    path: Path
    text: str
    findings: tuple[Finding, ...]
    settings_error: str = ""
    kind: DocumentKind = "other"
    unjudged: str = ""
    """Which guards could not look, and why."""

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines, without their ends."""
        return [*self.text.splitlines(), ""]

    @cached_property
    def document(self) -> Document | None:
        """The text as a tree, or None while it is not YAML."""
        try:
            return read_yaml(self.text, str(self.path))
        except RecipeError:
            return None

    def lint(self, text: str) -> list[Finding]:
        """What is to be said of another text in the same place."""
        return list(lint_document(self.path, text).findings)


def lint_document(path: Path, text: str) -> LintedDocument:
    """Judge a recipe, or a framework's own config. Anything else has no findings.

    Settings that can't be read are not applied.
    """
    ours = is_recipe_document(path.name, text)
    linted = lint_text(text, str(path), path.parent) if ours else None
    found = linted.findings if linted else lint_if_native(text, str(path))
    if found is None:
        return LintedDocument(path, text, ())
    found = [_locate_in_document(finding, text) for finding in found]
    complaint = ""
    try:
        found = load_lint_settings(str(path), (), ()).apply(found)
    except LintSettingsError as error:
        complaint = str(error)
    unjudged = describe_unjudged_recipes(linted.recipes) if linted else describe_unjudged_native(text)
    return LintedDocument(path, text, tuple(found), complaint, "recipe" if ours else "native", unjudged)


def _locate_in_document(finding: Finding, text: str) -> Finding:
    """A finding in a file that the recipe extends stands at `extends`: an editor shows one document."""
    if finding.span is None or not finding.span.file:
        return finding
    said = f"{finding.file}:{finding.span.line}: {finding.message}"
    said += f" (instead: {finding.suggestion})" if finding.suggestion else ""
    line = next((i for i, one in enumerate(text.splitlines(), 1) if one.startswith("extends")), 1)
    return replace(finding, message=said, suggestion="", span=Span(line, 1, line, len("extends") + 1))
