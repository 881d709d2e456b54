"""Keeps the secrets of a run's environment out of its log."""

from __future__ import annotations

from collections.abc import Mapping

from qwen_recipes.recipe.secrets import MASK, find_environment_secrets


class SecretFilter:
    """Asterisks, as many, in the place of the variables' secrets, also of one that is printed in two pieces."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.secrets = [secret.encode("utf-8", "surrogateescape") for secret in find_environment_secrets(variables)]
        self.rest = b""

    def hide(self, chunk: bytes) -> bytes:
        """What may be written of what was printed so far; the beginning of a secret is held back."""
        text = self.rest + chunk
        for secret in self.secrets:
            text = text.replace(secret, MASK.encode() * len(secret))
        held = max((_count_begun(text, secret) for secret in self.secrets), default=0)
        self.rest = text[len(text) - held :]
        return text[: len(text) - held]

    def end(self) -> bytes:
        """What was held back."""
        rest, self.rest = self.rest, b""
        return rest


def _count_begun(text: bytes, secret: bytes) -> int:
    """How many bytes at the end of a text are the beginning of a secret."""
    return next((size for size in range(min(len(secret) - 1, len(text)), 0, -1) if text.endswith(secret[:size])), 0)
