"""Guards for configs that people wrote for a framework themselves."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from qwen_recipes.backends.native import NativeConfig, read_native, recognise
from qwen_recipes.guards.base import Guard
from qwen_recipes.guards.native.base import Check, NativeHit
from qwen_recipes.recipe.check import locate
from qwen_recipes.recipe.finding import Finding, RecipeError

__all__ = ["RULES", "NativeHit", "judge_native", "lint_native", "native_findings", "recognise"]

RULES = {
    "QR101": "sharding", "QR102": "sharding", "QR103": "sharding", "QR201": "targets", "QR212": "unquantized",
    "QR213": "broken", "QR301": "end_of_turn", "QR303": "template", "QR304": "template", "QR310": "length",
    "QR401": "precision", "QR702": "unknown", "QR703": "changed", "QR705": "reading", "QR706": "never",
}  # fmt: skip
"""The guards that can be judged from a native config, and the module of this package that does."""
_TWICE = "given twice"


def lint_native(
    source: str | Path, name: str = "", as_backend: str | None = None, version: str | None = None
) -> list[Finding]:
    """What is wrong with a native config or script, given as its text or as its file's path, in the file's order.

    `name` stands in the findings; `as_backend` says the framework where the content does not. `version` is the
    framework's where it is another than the one we know. A text that is not recognised has no findings.
    """
    text = source.read_text("utf-8-sig", errors="replace") if isinstance(source, Path) else source
    file = name or (str(source) if isinstance(source, Path) else "<text>")
    repeated: list[Finding] = []
    try:
        configs = read_native(text, file, as_backend, version, repeated)
    except RecipeError as error:
        return [_unreadable(finding) for finding in [*repeated, *error.findings]]
    found = [finding for config in configs for finding in judge_native(config)]
    found += [_unreadable(finding) for finding in repeated]
    unique = {(f.code, f.span, f.message): f for f in found}
    return sorted(unique.values(), key=lambda f: (f.span.line if f.span else 0, f.span.column if f.span else 0, f.code))


def native_findings(
    content: bytes | str, name: str, as_backend: str | None = None, version: str | None = None
) -> list[Finding] | None:
    """What is wrong with a native config, or None where the content is none: a recipe, or nothing that we know."""
    text = content.decode("utf-8-sig", errors="replace") if isinstance(content, bytes) else content
    backend = as_backend or recognise(text)
    return lint_native(text, name, backend, version) if backend else None


def judge_native(config: NativeConfig) -> list[Finding]:
    """What every rule says of one config."""
    from qwen_recipes.guards import guard_named

    found = []
    for code in RULES:
        guard = guard_named(code)
        if guard.concerns(config.backend, config.version):
            found += [_finding(guard, hit, config) for hit in check_of(code)(config)]
    return found


def check_of(code: str) -> Check:
    """The function that judges a native config by this guard."""
    check: Check = getattr(import_module(f"{__name__}.{RULES[code]}"), code.lower())
    return check


def _finding(guard: Guard, hit: NativeHit, config: NativeConfig) -> Finding:
    why = hit.why or " ".join(guard.part("Why it matters").split("\n\n")[0].split())
    instead = as_flag(hit.instead) if config.form == "shell" else hit.instead
    bare = Finding(guard.code, hit.severity or guard.severity, hit.message, hit.route, why=why, instead=instead)
    return locate(config.document, bare, key=hit.at_key)


def as_flag(instead: str) -> str:
    """`key: value` as it is given on a command line."""
    return re.sub(r"^(\w+): (\S+)", r"--\1 \2", instead)


def _unreadable(finding: Finding) -> Finding:
    from dataclasses import replace

    why = (
        "readers disagree: one refuses the file, another takes the last of the two" if _TWICE in finding.message else ""
    )
    return replace(finding, code="QR705", why=why or finding.why)
