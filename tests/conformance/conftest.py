"""Interpreters of the real frameworks: the managed CPU environments, or those that an environment variable names."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwen_recipes.qwen.tokenizer import get_tokenizer_folder
from tests.conformance.framework_parser import FrameworkParser
from tests.conformance.probed_trainers import TrainerProbes
from tests.conftest import ROOT

SAMPLES = Path(__file__).parent / "samples"


def find_interpreter(name: str) -> Path | None:
    """`QWEN_RECIPES_PYTHON_<NAME>`, or the interpreter of the managed CPU environment where it is built."""
    given = os.environ.get(f"QWEN_RECIPES_PYTHON_{name.replace('-', '_').upper()}")
    if given:
        return Path(given)
    from qwen_recipes.backends import load_backend
    from qwen_recipes.environments.environment import get_managed_environment

    try:
        environment = get_managed_environment(load_backend(name), "cpu")
    except LookupError:
        return None
    return environment.interpreter if environment.ready else None


@pytest.fixture(scope="session")
def interpreter() -> Callable[[str], Path]:
    """The interpreter a framework is installed under; skips the test where there is none."""

    def of(name: str) -> Path:
        return find_interpreter(name) or pytest.skip(f"no environment for {name}: `recipes env create {name}`")

    return of


@pytest.fixture(scope="session")
def framework_parser(interpreter: Callable[[str], Path]) -> Iterator[Callable[[str], FrameworkParser]]:
    """The parser of a framework, imported once for all tests."""
    started: dict[str, FrameworkParser] = {}

    def of(name: str) -> FrameworkParser:
        if name not in started:
            started[name] = FrameworkParser(name, interpreter(name))
        return started[name]

    yield of
    for parser in started.values():
        parser.close()


@pytest.fixture(scope="session")
def samples() -> Path:
    return SAMPLES


def run_command(command: list[str | Path], **variables: str) -> str:
    """What a command prints; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, cwd=os.sep)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def tiny_model(interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny model, made once by the first framework that asks for it."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    program = ROOT / "examples" / "quickstart" / "make_tiny_model.py"

    def by(name: str) -> Path:
        run_command([interpreter(name), program, folder, "--tokenizer", get_tokenizer_folder("hybrid")])
        return folder

    return by


@pytest.fixture(scope="session")
def trainer_probes(interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> TrainerProbes:
    """Recipes at the frameworks' trainers: `trainer_probes.probe(backend, group, recipes)`."""
    return TrainerProbes(interpreter, tmp_path_factory.mktemp("probes"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with rows."""
    for name, source, count in (("sft", "support", 40), ("pairs", "preferences", 20)):
        lines = (ROOT / "examples" / "data" / f"{source}.jsonl").read_text("utf-8").splitlines()[:count]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path
