"""Read the JSON files of adapters and models, which anybody may have written, as the package reads them.

This program runs in a framework's environment, where the package is not installed: it is loaded from its place.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = Path(__file__).parents[2]


class MergeError(Exception):
    """Adapters or a base that cannot be merged; the message says what to do."""


def read_config(path: Path, kind: str = "config") -> Any:
    """The value that a file holds; `kind` has the limit of its size. Raises MergeError."""
    try:
        return _load_read_file().read_json(path, kind)
    except OSError as error:
        raise MergeError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise MergeError(f"{path} is not valid JSON: {error}") from None


def read_whole(path: Path, kind: str) -> bytes:
    """The bytes of a regular file; `kind` has the limit of its size. Raises OSError."""
    content: bytes = _load_read_file().read_bytes(path, kind)
    return content


@cache
def _load_read_file() -> ModuleType:
    if _PACKAGE.name not in sys.modules:
        spec = importlib.util.spec_from_file_location(_PACKAGE.name, _PACKAGE / "__init__.py")
        assert spec is not None and spec.loader is not None
        sys.modules[_PACKAGE.name] = package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_PACKAGE.name}.filesystem.read_file")
