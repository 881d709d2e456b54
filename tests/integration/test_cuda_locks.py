"""The locks for CUDA resolve from the package index: each recorded hash is one of a file there. Nothing is fetched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_recipes.environments.find_uv import find_uv
from qwen_recipes.environments.hashes import LockHashes
from qwen_recipes.environments.lock_file import read_requirements
from tests.integration.conftest import ROOT
from tools.lock_environment import get_python_version
from tools.lock_hashes import ANY_PYTHON, find_hashes

pytestmark = pytest.mark.full
LOCKS = sorted((ROOT / "qwen_recipes/backends").glob("*/requirements/cuda-*.lock"))
NAMES = [lock.parent.parent.name for lock in LOCKS]


@pytest.fixture(scope="module")
def uv(tmp_path_factory):
    """The uv that `recipes env create` takes, on PATH."""
    root = tmp_path_factory.mktemp("environments")
    found = find_uv("cuda", Path(sys.executable), root, lambda command: subprocess.run(command, check=True) and None)
    assert found is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}")
        yield found


@pytest.mark.parametrize("lock", LOCKS, ids=NAMES)
@pytest.mark.usefixtures("uv")
def test_every_recorded_file_is_on_the_index(lock):
    wanted, hashes = read_requirements(lock), LockHashes(lock)
    others = set(wanted.any_python)
    pins = [pin for pin in [*wanted.plain, *(package.pin for package in wanted.built)] if pin not in others]
    assert len(pins) > 50
    found = {**find_hashes(pins, get_python_version(lock.stem)), **find_hashes(sorted(others), ANY_PYTHON)}
    recorded = {pin: set(re.findall(r"--hash=sha256:(\w+)", hashes.by_pin[pin])) for pin in found}
    assert all(recorded.values())
    assert {pin: gone for pin, known in recorded.items() if (gone := known - set(found[pin]))} == {}
    assert set(found) == {*pins, *others}


@pytest.mark.usefixtures("uv")
def test_a_version_that_is_not_there_does_not_resolve():
    with pytest.raises(SystemExit, match="wheel"):
        find_hashes(["wheel==0.0.0.1"], "3.12")
