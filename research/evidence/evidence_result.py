"""How a script of evidence tells what it saw: one JSON object on standard output. Runs in any environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def report_result(
    shown: Mapping[str, bool], absent: Mapping[str, bool], seen: Mapping[str, Any], packages: Iterable[str]
) -> None:
    """Print the findings. `shown`: the failure is there; `absent`: it is not, where it should not be."""
    found = {"shown": dict(shown), "absent": dict(absent), "seen": dict(seen), "versions": read_versions(packages)}
    print("\n" + json.dumps(found))
    sys.stdout.flush()


def read_versions(packages: Iterable[str]) -> dict[str, str]:
    """Installed versions."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
