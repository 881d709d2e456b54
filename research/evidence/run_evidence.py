"""Run scripts of evidence, each in the environment that it names, and keep what they saw.

    python research/evidence/run_evidence.py [NAME ...] [--write]

A script says in its first lines which guards it is about (`GUARDS`) and where it runs (`ENVIRONMENT`: a framework, as
`recipes env create NAME --device cpu` builds it, or "" for this project's own). Each shows a failure on the versions it
finds there, and its absence beside it; with --write, results/NAME.json keeps that with versions and date. Exits 1
where something was not as claimed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOT_EVIDENCE = ("run_evidence", "evidence_result")


@dataclass(frozen=True)
class Evidence:
    """One script: the guards it is about, and the framework in whose environment it runs."""

    name: str
    guards: tuple[str, ...]
    environment: str

    @property
    def result(self) -> Path:
        return HERE / "results" / f"{self.name}.json"


def list_evidence() -> list[Evidence]:
    """Every script, by name."""
    names = sorted(file.stem for file in HERE.glob("*.py") if file.stem not in NOT_EVIDENCE)
    return [read_evidence(name) for name in names]


def read_evidence(name: str) -> Evidence:
    """What a script says of itself, read without running it."""
    tree = ast.parse((HERE / f"{name}.py").read_text("utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    said = {ast.unparse(node.targets[0]): node.value for node in assigned}
    return Evidence(name, ast.literal_eval(said["GUARDS"]), ast.literal_eval(said["ENVIRONMENT"]))


def find_interpreter(evidence: Evidence) -> str:
    """The Python that runs it. Raises LookupError where its environment is not built."""
    if not evidence.environment:
        return sys.executable
    from qwen_recipes.backends import load_backend
    from qwen_recipes.environments.environment import get_managed_environment

    built = get_managed_environment(load_backend(evidence.environment), "cpu")
    if not built.ready:
        raise LookupError(f"recipes env create {evidence.environment} --device cpu")
    return str(built.interpreter)


def run_script(evidence: Evidence) -> dict[str, Any]:
    """What the script saw. Raises RuntimeError with its last words where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [find_interpreter(evidence), str(HERE / f"{evidence.name}.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def is_as_claimed(result: dict[str, Any]) -> bool:
    """Whether the failure was shown, and is absent where it should be."""
    return all(result["shown"].values()) and all(result["absent"].values())


def save_result(evidence: Evidence, result: dict[str, Any]) -> None:
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    about = {"guards": evidence.guards, "environment": evidence.environment or "qwen-recipes", "date": date}
    evidence.result.write_text(json.dumps({**about, **result}, indent=1) + "\n", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="scripts (default: all)")
    parser.add_argument("--write", action="store_true", help="keep what was seen")
    options = parser.parse_args()
    wrong = 0
    for one in list_evidence():
        if options.names and one.name not in options.names:
            continue
        try:
            found = run_script(one)
        except (RuntimeError, LookupError) as error:
            print(f"{one.name}: {error}", file=sys.stderr)
            wrong += 1
            continue
        good = is_as_claimed(found)
        wrong += not good
        print(f"{one.name}: {'as claimed' if good else 'NOT as claimed'}: {json.dumps(found['seen'])}", flush=True)
        if good and options.write:
            save_result(one, found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
