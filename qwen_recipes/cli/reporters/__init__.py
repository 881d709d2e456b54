"""Findings in the form that somebody reads: one form a file, by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from qwen_recipes.finding import Finding


class Reporter(Protocol):
    """Findings, and all files that were looked at, as text."""

    def __call__(self, findings: Sequence[Finding], files: Sequence[str] = ...) -> str:
        """The text to print."""


def _load_lazily(module: str) -> Reporter:
    def report(findings: Sequence[Finding], files: Sequence[str] = ()) -> str:
        made: Reporter = import_module(f"{__name__}.{module}").report
        return made(findings, files)

    return report


REPORTERS: dict[str, Reporter] = {
    "text": _load_lazily("text"),
    "json": _load_lazily("json_list"),
    "github": _load_lazily("github"),
    "sarif": _load_lazily("sarif"),
    "junit": _load_lazily("junit"),
}
"""Forms by the name that `--format` knows them by; a form's module is loaded when it is used."""
