"""The frameworks' traps, as tests/traps/<backend>.yaml names them: what we compile does not fall into them.

Each is a recipe, and what has to come of it: `told` (native keys and values), `has` and `silent` (native keys that are
there, or are not), `only` (all the keys of a map), `never` (values that no key has), `rows` (of rows.json), `file` and
`script` (text in a file, in run.sh), `lock` (a pin), or `refused` (the field, code or key that the refusal names).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from tests.conftest import BACKENDS, ROOT

MISSING = object()
TRAPS = [
    (backend, trap)
    for backend in BACKENDS
    for trap in yaml.safe_load((ROOT / f"tests/traps/{backend}.yaml").read_text("utf-8"))
]
PARTS = {"told", "has", "silent", "only", "never", "rows", "file", "script", "lock", "refused"}


@pytest.mark.parametrize(("backend", "trap"), TRAPS, ids=[f"{backend}: {trap['trap']}" for backend, trap in TRAPS])
def test_trap(backend, trap, loaded, tmp_path):
    wanted = PARTS & set(trap)
    assert wanted and set(trap) <= PARTS | {"trap", "recipe"}, "a trap that asks for nothing, or for what is not known"
    if "lock" in trap:
        pinned(backend, trap["lock"])
    elif "refused" in trap:
        refused(backend, trap, loaded, tmp_path)
    else:
        made = compile_recipe(loaded(trap["recipe"]), load_backend(backend), tmp_path / "out")
        avoided(trap, made.files)


def test_no_trap_is_named_twice():
    names = [(backend, trap["trap"]) for backend, trap in TRAPS]
    assert len(set(names)) == len(names)


def pinned(backend: str, locks: dict[str, str]) -> None:
    for name, pin in locks.items():
        assert pin in (load_backend(backend).lock_folder() / name).read_text("utf-8").split()


def refused(backend: str, trap: dict[str, Any], loaded: Any, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        compile_recipe(loaded(trap["recipe"]), load_backend(backend), tmp_path / "out")
    errors = [finding for finding in caught.value.findings if finding.severity == "error"]
    assert errors and all(names(finding, trap["refused"]) for finding in errors), errors


def names(finding: Any, wanted: str) -> bool:
    place = ".".join(map(str, finding.route))
    return wanted == finding.code or place == wanted or f"`{wanted}`" in finding.message or place.endswith(f".{wanted}")


def avoided(trap: dict[str, Any], files: dict[str, str]) -> None:
    native, rows = yaml.safe_load(files["train.yaml"]), json.loads(files["rows.json"])
    for key, value in trap.get("told", {}).items():
        assert at(native, key) == value, key
    for key in trap.get("has", []):
        assert at(native, key) not in (MISSING, None), key
    for key in trap.get("silent", []):
        assert at(native, key) is MISSING, key
    for key, inner in trap.get("only", {}).items():
        assert sorted(at(native, key)) == sorted(inner), key
    for value in trap.get("never", []):
        assert value not in list(values(native))
    for key, value in trap.get("rows", {}).items():
        assert rows[key] == value, key
    for name, text in trap.get("file", {}).items():
        assert text in files[name]
    assert all(text in files["run.sh"] for text in trap.get("script", []))


def at(native: Any, path: str) -> Any:
    for step in path.split("."):
        step = int(step) if isinstance(native, list) else step
        if isinstance(native, dict) and step not in native:
            return MISSING
        native = native[step]
    return native


def values(native: Any) -> Any:
    yield native
    for item in native.values() if isinstance(native, dict) else native if isinstance(native, list) else ():
        yield from values(item)
