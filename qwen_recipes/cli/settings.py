"""Which guards are looked at, and how much each weighs: from `.recipes.toml`, pyproject.toml and the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from qwen_recipes.recipe.finding import Finding, Severity

FILES = (".recipes.toml", "pyproject.toml")
_SEVERITIES = ("error", "warning", "advice", "off")
_SELECTOR = re.compile(r"QR[0-9]{0,3}\Z")


class BadSettings(Exception):
    """A settings file, or an option, says what can't be meant."""


@dataclass(frozen=True)
class Settings:
    """Codes, or beginnings of codes (`QR2`). The longest that fits decides; of equal ones, `ignore`."""

    select: tuple[str, ...] = ("QR",)
    ignore: tuple[str, ...] = ()
    severity: dict[str, str] = field(default_factory=dict)

    def apply(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that were asked for, as severe as was asked. What the spec forbids stays as it is."""
        return [applied for finding in findings if (applied := self._one(finding))]

    def _one(self, finding: Finding) -> Finding | None:
        if not finding.code.startswith("QR"):
            return finding
        chosen = _longest(finding.code, self.select) > _longest(finding.code, self.ignore)
        near = max((p for p in self.severity if finding.code.startswith(p)), key=len, default=None)
        severity = self.severity[near] if near else finding.severity
        if not chosen or severity == "off":
            return None
        return finding if severity == finding.severity else replace(finding, severity=cast(Severity, severity))


def _longest(code: str, prefixes: Iterable[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def settings_for(file: str, select: tuple[str, ...], ignore: tuple[str, ...]) -> Settings:
    """Settings for one file: those of the nearest settings file, with what the command line says instead.

    Raises BadSettings.
    """
    folder = Path() if file == "-" else Path(file).parent
    settings = _found(str(folder.absolute()))
    return replace(settings, select=select or settings.select, ignore=ignore or settings.ignore)


def selectors(words: Iterable[str], where: str) -> tuple[str, ...]:
    """`QR2,QR401` and the like, split. Raises BadSettings for what begins no guard's code."""
    from qwen_recipes.guards import guard_codes

    split = tuple(part.strip().upper() for word in words for part in word.split(",") if part.strip())
    for selector in split:
        if not _SELECTOR.match(selector) or not any(code.startswith(selector) for code in guard_codes()):
            raise BadSettings(f"{where}: no guard's code begins with {selector}; `recipes explain` lists them")
    return split


@cache
def _found(folder: str) -> Settings:
    """The settings of a folder: its own file's, or those of the folder above."""
    for name in FILES:
        path = Path(folder) / name
        table = _table(path) if path.is_file() else None
        if table is not None:
            return _settings(table, str(path))
    above = str(Path(folder).parent)
    return Settings() if above == folder else _found(above)


def _table(path: Path) -> dict[str, Any] | None:
    """The file's part that is about linting, or None; most of pyproject.toml's need no reading for that."""
    content = path.read_bytes()
    if path.name == "pyproject.toml" and b"qwen-recipes" not in content:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table = tomllib.loads(content.decode("utf-8"))
    except ValueError as error:
        raise BadSettings(f"{path}: {error}") from None
    steps = ("tool", "qwen-recipes", "lint") if path.name == "pyproject.toml" else ("lint",)
    for step in steps:
        table = table.get(step, {}) if isinstance(table, dict) else {}
    return table if table or path.name != "pyproject.toml" else None


def _settings(table: Any, where: str) -> Settings:
    if not isinstance(table, dict) or set(table) - {"select", "ignore", "severity"}:
        raise BadSettings(f"{where}: lint takes `select`, `ignore` and `severity`")
    for name in ("select", "ignore"):
        if not _texts(table.get(name, [])):
            raise BadSettings(f"{where}: lint.{name} is a list of codes")
    severity = table.get("severity", {})
    if not isinstance(severity, dict) or not set(map(str, severity.values())) <= set(_SEVERITIES):
        raise BadSettings(f"{where}: lint.severity maps codes to {', '.join(_SEVERITIES)}")
    return Settings(
        selectors(table.get("select", ["QR"]), where),
        selectors(table.get("ignore", []), where),
        dict(zip(selectors(severity, where), severity.values(), strict=True)),
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
