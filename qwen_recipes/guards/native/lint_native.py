"""Guards for configs that people wrote for a framework themselves."""

from __future__ import annotations

import re
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation
from qwen_recipes.backends.read_native_configs import detect_framework, read_native_configs
from qwen_recipes.filesystem.read_file import read_bytes
from qwen_recipes.finding import MAX_FINDINGS, Finding, RecipeError, limit_findings
from qwen_recipes.guards.base import Guard
from qwen_recipes.recipe.locate import locate_finding

__all__ = [
    "RULE_MODULES",
    "NativeViolation",
    "check_native_config",
    "detect_framework",
    "lint_if_native",
    "lint_native",
]

FRAMEWORK_CHECKS = "framework_checks"
RULE_MODULES = {
    "QR101": "sharding", "QR102": "sharding", "QR103": "sharding", "QR201": "lora_targets",
    "QR212": FRAMEWORK_CHECKS, "QR218": "experts", "QR213": FRAMEWORK_CHECKS, "QR301": FRAMEWORK_CHECKS,
    "QR303": "chat_templates", "QR304": "chat_templates", "QR310": "sequence_length", "QR401": "precision",
    "QR408": FRAMEWORK_CHECKS, "QR424": FRAMEWORK_CHECKS,
    "QR702": "unknown_keys", "QR703": "changed_keys", "QR705": "misread_values", "QR706": FRAMEWORK_CHECKS,
    "QR707": "secrets", "QR708": "refused_values",
    "QR709": FRAMEWORK_CHECKS,
}  # fmt: skip
"""The guards that can be judged from a native config, and the module of this package that does."""
MODEL_GUARDS = ("QR201", "QR218", "QR301", "QR303", "QR304", "QR310", "QR401")
"""Those of them that look at facts about the model."""
_DUPLICATE_KEY = "duplicate key"


def lint_native(
    source: str | Path, name: str = "", as_backend: str | None = None, version: str | None = None
) -> list[Finding]:
    """What is wrong with a native config or script, given as its text or as its file's path, in the file's order.

    `name` stands in the findings; `as_backend` says the framework where the content does not. `version` is the
    framework's where it is another than the one we know. A text that is not recognised has no findings.
    """
    text = read_bytes(source, "native config").decode("utf-8-sig", "replace") if isinstance(source, Path) else source
    file = name or (str(source) if isinstance(source, Path) else "<text>")
    repeated: list[Finding] = []
    try:
        configs = read_native_configs(text, file, as_backend, version, repeated)
    except RecipeError as error:
        return [_mark_unreadable(finding) for finding in [*repeated, *error.findings]]
    found = [finding for config in configs for finding in check_native_config(config)]
    found += [_mark_unreadable(finding) for finding in repeated]
    if configs:
        found += _list_secrets_outside_keys(text, file, found)
    unique = {(f.code, f.span, f.message): f for f in found}
    return limit_findings(
        sorted(unique.values(), key=lambda f: (f.span.line if f.span else 0, f.span.column if f.span else 0, f.code))
    )


def lint_if_native(
    content: bytes | str, name: str, as_backend: str | None = None, version: str | None = None
) -> list[Finding] | None:
    """What is wrong with a native config, or None where the content is none: a recipe, or nothing that we know."""
    text = content.decode("utf-8-sig", errors="replace") if isinstance(content, bytes) else content
    backend = as_backend or detect_framework(text)
    return lint_native(text, name, backend, version) if backend else None


def list_unjudged_guards(text: str, as_backend: str | None = None, version: str | None = None) -> list[str]:
    """Codes of the guards that could not look at a native config, since its model is not known here."""
    from qwen_recipes.guards.catalog import load_guard

    configs = [config for config in _read_or_none(text, as_backend, version) if not _leaves_model_to_file(config)]
    unknown = [config for config in configs if config.interpreted_settings.model_facts is None]
    return [
        code
        for code in MODEL_GUARDS
        if any(load_guard(code).applies_to(config.backend, config.version) for config in unknown)
    ]


def list_named_files(text: str, as_backend: str | None = None, version: str | None = None) -> list[str]:
    """The config files that a script's commands name: what stands in them is not linted with the script."""
    configs = _read_or_none(text, as_backend, version)
    return list(dict.fromkeys(config.config_file for config in configs if config.config_file))


def _read_or_none(text: str, as_backend: str | None, version: str | None) -> list[NativeConfig]:
    try:
        return read_native_configs(text, "<text>", as_backend, version, [])
    except RecipeError:
        return []


def _leaves_model_to_file(config: NativeConfig) -> bool:
    return config.names_config_file and config.interpreted_settings.model is None


def check_native_config(config: NativeConfig) -> list[Finding]:
    """What every rule says of one config."""
    from qwen_recipes.guards.catalog import load_guard

    found = []
    for code in RULE_MODULES:
        guard = load_guard(code)
        if guard.applies_to(config.backend, config.version):
            hits = islice(load_native_check(code)(config), MAX_FINDINGS + 1)
            found += [_make_finding(guard, hit, config) for hit in hits]
    return found


def load_native_check(code: str) -> NativeCheck:
    """The function that judges a native config by this guard."""
    module = import_module(f"{__package__}.{RULE_MODULES[code]}")
    if RULE_MODULES[code] == FRAMEWORK_CHECKS:
        return partial(module.check_framework, code)
    check: NativeCheck = getattr(module, f"check_{code.lower()}")
    return check


def _list_secrets_outside_keys(text: str, file: str, reported: list[Finding]) -> list[Finding]:
    """Secrets that stand outside the keys of a config."""
    from qwen_recipes.guards.native.secrets import find_secrets_in_text

    known = {finding.span.line for finding in reported if finding.code == "QR707" and finding.span}
    return list(find_secrets_in_text(text, file, known))


def _make_finding(guard: Guard, hit: NativeViolation, config: NativeConfig) -> Finding:
    why = hit.why or " ".join(guard.get_section("Why it matters").split("\n\n")[0].split())
    instead = format_as_flag(hit.suggestion) if config.form == "shell" else hit.suggestion
    bare = Finding(guard.code, hit.severity or guard.severity, hit.message, hit.route, why=why, suggestion=instead)
    return locate_finding(config.document, bare, key=hit.at_key)


def format_as_flag(instead: str) -> str:
    """`key: value` as it is given on a command line."""
    return re.sub(r"^(\w+): (\S+)", r"--\1 \2", instead)


def _mark_unreadable(finding: Finding) -> Finding:
    from dataclasses import replace

    why = (
        "readers differ: some refuse the file, others use the last of the two"
        if _DUPLICATE_KEY in finding.message
        else ""
    )
    return replace(finding, code="QR705", why=why or finding.why)
