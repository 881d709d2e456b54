"""What only one framework gets wrong: each framework's folder in `backends/` has the checks."""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.backends.native_config import NativeConfig
from qwen_recipes.backends.native_modules import import_backend_module
from qwen_recipes.backends.native_violation import NativeCheck, NativeViolation


def check_framework(code: str, config: NativeConfig) -> Iterator[NativeViolation]:
    """What the config's framework has to say for this guard; nothing where it has no check for it."""
    module = import_backend_module(config.backend, "native_checks")
    checks: dict[str, NativeCheck] = module.NATIVE_CHECKS
    if check := checks.get(code):
        yield from check(config)
