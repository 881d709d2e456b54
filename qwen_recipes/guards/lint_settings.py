"""Which guards are looked at, and how much each weighs: from `.recipes.toml`, pyproject.toml and the command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import cast

from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.finding import Finding, Severity

SETTINGS_FILES = (".recipes.toml", "pyproject.toml")
_SEVERITIES = ("error", "warning", "advice", "off")
_SELECTOR = re.compile(r"QR[0-9]{0,3}\Z")


class LintSettingsError(QwenRecipesError):
    """A settings file, or an option, says what can't be meant."""


@dataclass(frozen=True)
class LintSettings:
    """Codes, or beginnings of codes (`QR2`). The longest that fits decides; of equal ones, `ignore`."""

    select: tuple[str, ...] = ("QR",)
    ignore: tuple[str, ...] = ()
    severity: dict[str, str] = field(default_factory=dict)

    def apply(self, findings: Iterable[Finding]) -> list[Finding]:
        """The findings that were asked for, as severe as was asked. What the spec forbids stays as it is."""
        return [applied for finding in findings if (applied := self._apply_to_finding(finding))]

    def _apply_to_finding(self, finding: Finding) -> Finding | None:
        if not finding.code.startswith("QR"):
            return finding
        chosen = _longest_prefix(finding.code, self.select) > _longest_prefix(finding.code, self.ignore)
        near = max((p for p in self.severity if finding.code.startswith(p)), key=len, default=None)
        severity = self.severity[near] if near else finding.severity
        if not chosen or severity == "off":
            return None
        return finding if severity == finding.severity else replace(finding, severity=cast(Severity, severity))


def _longest_prefix(code: str, prefixes: Iterable[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def load_lint_settings(file: str, select: tuple[str, ...], ignore: tuple[str, ...]) -> LintSettings:
    """Settings for one file: those of the nearest settings file, with what the command line says instead.

    Raises LintSettingsError.
    """
    folder = Path() if file == "-" else Path(file).parent
    settings = _find_folder_settings(folder.absolute())
    return replace(settings, select=select or settings.select, ignore=ignore or settings.ignore)


def parse_selectors(values: Iterable[str], origin: str) -> tuple[str, ...]:
    """`QR2,QR401` and the like, split. Raises LintSettingsError for what begins no guard's code."""
    from qwen_recipes.guards.catalog import list_guard_codes

    split = tuple(part.strip().upper() for word in values for part in word.split(",") if part.strip())
    for selector in split:
        if not _SELECTOR.match(selector) or not any(code.startswith(selector) for code in list_guard_codes()):
            raise LintSettingsError(
                f"{origin}: no guard code starts with {selector}; `recipes explain` lists all guards"
            )
    return split


def _find_folder_settings(folder: Path) -> LintSettings:
    """The settings of a folder: its own file's, or those of the nearest folder above that has any."""
    found = (_read_folder_settings(str(one)) for one in (folder, *folder.parents))
    return next((settings for settings in found if settings is not None), LintSettings())


@cache
def _read_folder_settings(folder: str) -> LintSettings | None:
    for name in SETTINGS_FILES:
        path = Path(folder) / name
        table = _read_lint_table(path) if path.is_file() else None
        if table is not None:
            return _parse_settings(table, str(path))
    return None


def _read_lint_table(path: Path) -> dict[str, object] | None:
    """The file's part that is about linting, or None; most of pyproject.toml's need no reading for that."""
    content = read_bytes(path, "settings")
    if path.name == "pyproject.toml" and b"qwen-recipes" not in content:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table = tomllib.loads(content.decode("utf-8"))
    except ValueError as error:
        raise LintSettingsError(f"{path}: {error}") from None
    except RecursionError:
        raise LintSettingsError(f"{path}: lists or tables are nested too deep") from None
    steps = ("tool", "qwen-recipes", "lint") if path.name == "pyproject.toml" else ("lint",)
    for step in steps:
        table = table.get(step, {}) if isinstance(table, dict) else {}
    return table if table or path.name != "pyproject.toml" else None


def _parse_settings(table: object, origin: str) -> LintSettings:
    if not isinstance(table, dict) or set(table) - {"select", "ignore", "severity"}:
        raise LintSettingsError(f"{origin}: lint settings are `select`, `ignore` and `severity`")
    for name in ("select", "ignore"):
        if not _is_text_list(table.get(name, [])):
            raise LintSettingsError(f"{origin}: lint.{name} must be a list of codes")
    severity = table.get("severity", {})
    if not isinstance(severity, dict) or not set(map(str, severity.values())) <= set(_SEVERITIES):
        raise LintSettingsError(f"{origin}: lint.severity must map codes to {', '.join(_SEVERITIES)}")
    return LintSettings(
        parse_selectors(table.get("select", ["QR"]), origin),
        parse_selectors(table.get("ignore", []), origin),
        dict(zip(parse_selectors(severity, origin), severity.values(), strict=True)),
    )


def _is_text_list(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
