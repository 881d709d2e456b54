"""Secrets in a framework's own config or in the script that starts it."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_violation import NativeViolation
from qwen_recipes.finding import Finding, Span, format_route
from qwen_recipes.guards.versions.qr707_secret_in_recipe import SUGGESTION
from qwen_recipes.recipe.secrets import find_secret_spans, remember_secret
from qwen_recipes.recipe.written_values import find_secrets

WHY = "configs and scripts are committed, copied to other machines and shown by trackers"


def check_qr707(config: NativeConfig) -> Iterator[NativeViolation]:
    """A value or a key that looks like a secret, or stands under the name of one."""
    for route, secret in find_secrets(config.document.root):
        remember_secret(secret)
        message = f"`{format_route(route)}` holds a secret"
        yield NativeViolation(route, message, SUGGESTION, WHY, "warning")


def find_secrets_in_text(text: str, file: str, known_lines: set[int]) -> Iterator[Finding]:
    """Secrets outside the keys of a config (`export HF_TOKEN=…`, comments), one a line; not on `known_lines`."""
    for number, line in enumerate(text.splitlines(), 1):
        if number not in known_lines and (spans := find_secret_spans(line)):
            start, end = spans[0]
            yield Finding(
                "QR707",
                "warning",
                "this line holds a secret",
                why=WHY,
                suggestion=SUGGESTION,
                file=file,
                span=Span(number, start + 1, number, end + 1),
                line=line,
            )
