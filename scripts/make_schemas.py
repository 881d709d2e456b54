"""Write `schemas/backends/` from the frameworks themselves, or with --check say whether it still says what they say.

    python scripts/make_schemas.py [--env axolotl=PYTHON] [--env llamafactory=PYTHON] … [--check] [--older]

PYTHON is an interpreter that the framework is installed under; it may also be named by the environment variable
QWEN_RECIPES_PYTHON_<NAME>. A framework without one is left alone; where none is named, the managed environments are
used. Exit code 1: a schema has drifted.
With --older, the older versions that `schemas/older/` pins are laid over the same environments (needs the registry).
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

from schemas.older import layer, versions

SCRIPTS = Path(__file__).resolve().parent
FOLDER = SCRIPTS.parent / "schemas" / "backends"
EXTRACTORS = {
    "axolotl": {"axolotl": "schema"},
    "llamafactory": {"llamafactory": "schema", "llamafactory_dataset_info": "dataset_info.schema"},
    "ms-swift": {"ms_swift": "schema"},
}
LINES_SHOWN = 40


def extracted(python: str, module: str, variables: Mapping[str, str] | None = None) -> str:
    """What the extractor prints under the framework's interpreter."""
    command = [python, "-m", f"schemas.{module}"]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def target(name: str, suffix: str, text: str) -> Path:
    return FOLDER / f"{name}-{json.loads(text)['x-version']}.{suffix}.json"


def drift(path: Path, text: str) -> list[str]:
    """The difference between the file and what the framework says now, as diff lines."""
    committed = path.read_text("utf-8") if path.exists() else ""
    pair = committed.splitlines(), text.splitlines()
    return list(difflib.unified_diff(*pair, fromfile=path.name, tofile="the framework", lineterm=""))


def managed_interpreters() -> dict[str, str]:
    """Those of the CPU environments that `recipes env create` built."""
    from qwen_recipes.backends import backend_named
    from qwen_recipes.launch.environment import managed

    every = {name: managed(backend_named(name), "cpu") for name in EXTRACTORS}
    return {name: str(one.interpreter) for name, one in every.items() if one.ready}


def interpreters(given: list[str]) -> dict[str, str]:
    found = {}
    for name in EXTRACTORS:
        variable = f"QWEN_RECIPES_PYTHON_{name.replace('-', '_').upper()}"
        if variable in os.environ:
            found[name] = os.environ[variable]
    for item in given:
        name, _, python = item.partition("=")
        found[name] = python
    if not found:
        found = managed_interpreters()
    if unknown := sorted(set(found) - set(EXTRACTORS)):
        raise SystemExit(f"no such framework: {', '.join(unknown)}")
    return found


def said(name: str, python: str, *, older: bool) -> Iterator[tuple[str, str]]:
    """What the framework accepts now and, where asked, what its older versions did: (suffix, schema)."""
    for module, suffix in EXTRACTORS[name].items():
        yield suffix, extracted(python, module)
    for version in versions(name) if older else ():
        with layer(name, version) as variables:
            yield "schema", extracted(python, next(iter(EXTRACTORS[name])), variables)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a schema has drifted")
    parser.add_argument("--older", action="store_true", help="the older versions as well")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args()
    pythons = interpreters(options.env)
    if not pythons:
        parser.error("no interpreter: give --env NAME=PYTHON")
    drifted = False
    for name, python in pythons.items():
        for suffix, text in said(name, python, older=options.older):
            path = target(name, suffix, text)
            difference = drift(path, text)
            drifted = drifted or bool(difference)
            print(f"{path.name}: {'changed' if difference else 'as the framework says'}", file=sys.stderr)
            if options.check:
                print("\n".join(difference[:LINES_SHOWN]), end="\n" if difference else "")
            else:
                path.write_text(text, "utf-8")
    return int(options.check and drifted)


if __name__ == "__main__":
    raise SystemExit(main())
