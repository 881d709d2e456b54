"""Write `schemas/backends/` from the frameworks themselves, or with --check say whether it still says what they say.

    python -m tools.extract_schemas [--env axolotl=PYTHON] [--env llamafactory=PYTHON] … [--check] [--older]

PYTHON is an interpreter that the framework is installed under; it may also be named by the environment variable
QWEN_RECIPES_PYTHON_<NAME>. A framework without one is left alone; where none is named, the managed environments are
used. Exit code 1: a schema has drifted.
With --older, the older versions that `schemas/extractors/older/` pins are laid over the same environments (needs
the registry).
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from qwen_recipes.backends import list_backend_names, load_backend
from schemas.extractors.older_versions import layered_environment, list_older_versions

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
FOLDER = SCHEMAS / "backends"
LINES_SHOWN = 40


def list_extractors(name: str) -> dict[str, str]:
    """Modules of `schemas/extractors` named for a backend's folder, with the suffix of what each writes."""
    package = load_backend(name).folder.name
    files = sorted((SCHEMAS / "extractors").glob(f"{package}*.py"))
    rest = {
        one.stem: one.stem.removeprefix(package).lstrip("_") for one in files if "__main__" in one.read_text("utf-8")
    }
    return {module: f"{part}.schema" if part else "schema" for module, part in rest.items()}


def extract_schema(python: str, module: str, variables: Mapping[str, str] | None = None) -> str:
    """What the extractor prints under the framework's interpreter."""
    command = [python, "-m", f"extractors.{module}"]
    done = subprocess.run(command, cwd=SCHEMAS, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def schema_path(name: str, suffix: str, text: str) -> Path:
    return FOLDER / f"{name}-{json.loads(text)['x-version']}.{suffix}.json"


def diff_schema(path: Path, text: str) -> list[str]:
    """The difference between the file and what the framework says now, as diff lines."""
    committed = path.read_text("utf-8") if path.exists() else ""
    pair = committed.splitlines(), text.splitlines()
    return list(difflib.unified_diff(*pair, fromfile=path.name, tofile="the framework", lineterm=""))


def find_managed_interpreters() -> dict[str, str]:
    """Those of the CPU environments that `recipes env create` built."""
    from qwen_recipes.environments.environment import get_managed_environment

    every = {name: get_managed_environment(load_backend(name), "cpu") for name in list_backend_names()}
    return {name: str(one.interpreter) for name, one in every.items() if one.ready}


def find_interpreters(assignments: list[str]) -> dict[str, str]:
    found = {}
    for name in list_backend_names():
        variable = f"QWEN_RECIPES_PYTHON_{name.replace('-', '_').upper()}"
        if variable in os.environ:
            found[name] = os.environ[variable]
    for item in assignments:
        name, _, python = item.partition("=")
        found[name] = python
    if not found:
        found = find_managed_interpreters()
    if unknown := sorted(set(found) - set(list_backend_names())):
        raise SystemExit(f"no such framework: {', '.join(unknown)}")
    return found


def extract_schemas(name: str, python: str, *, older: bool) -> Iterator[tuple[str, str]]:
    """What the framework accepts now and, where asked, what its older versions did: (suffix, schema)."""
    for module, suffix in list_extractors(name).items():
        yield suffix, extract_schema(python, module)
    for version in list_older_versions(name) if older else ():
        with layered_environment(name, version) as variables:
            yield "schema", extract_schema(python, next(iter(list_extractors(name))), variables)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a schema has drifted")
    parser.add_argument("--older", action="store_true", help="the older versions as well")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args()
    pythons = find_interpreters(options.env)
    if not pythons:
        parser.error("no interpreter: give --env NAME=PYTHON")
    drifted = False
    for name, python in pythons.items():
        for suffix, text in extract_schemas(name, python, older=options.older):
            path = schema_path(name, suffix, text)
            difference = diff_schema(path, text)
            drifted = drifted or bool(difference)
            print(f"{path.name}: {'changed' if difference else 'as the framework says'}", file=sys.stderr)
            if options.check:
                print("\n".join(difference[:LINES_SHOWN]), end="\n" if difference else "")
            else:
                path.write_text(text, "utf-8")
    return int(options.check and drifted)


if __name__ == "__main__":
    raise SystemExit(main())
