"""Every hostile input of the corpus ends as documented, in time, and does nothing that SECURITY.md does not allow.

The corpus is made by the modules beside this one (`recipes.py`, `files.py`, …); its counts by category stand in
SECURITY.md.
"""

from __future__ import annotations

import collections
import re
import signal
import time

import click
import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from tests.conftest import ROOT
from tests.hostile import commands, files, recipes, weights
from tests.hostile.case import Case
from tests.hostile.watch import list_tree, name_written, read_rights, watch

CASES = [*recipes.list_cases(), *files.list_cases(), *commands.list_cases(), *weights.list_cases()]
RIGHTS = read_rights()
MAX_SECONDS, MAX_WALL = 15, 100
"""Of the processor in this process, and by the clock, for one command."""
RAW = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
GROUPS = 20


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with no framework's environment; kept, so that a tokenizer is built once."""
    return tmp_path_factory.mktemp("home")


ELSEWHERE = {"lsp": "test_language_server.py"}
"""Commands that this corpus can't call, and the test that watches them."""


def name_command(arguments: tuple[str, ...]) -> str:
    """A command as the table names it: `lint`, `data check`."""
    both = " ".join(arguments[:2])
    return both if both in RIGHTS else arguments[0]


def _stop(number: int, frame: object) -> None:
    raise TimeoutError(f"it takes longer than {MAX_WALL} s")


def describe_problems(case: Case, arguments: tuple[str, ...], folder, home) -> list[str]:
    """What is wrong with how a command ended on an input."""
    before, began = list_tree(folder), time.process_time()
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(MAX_WALL)
    with watch(folder, home) as seen:
        result = CliRunner().invoke(main, list(arguments), env={"NO_COLOR": "1"}, input="")
    signal.alarm(0)
    rights = RIGHTS[name_command(arguments)]
    found = []
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        found.append(f"{type(result.exception).__name__}: {result.exception}")
    if result.exit_code not in (0, 1, 2, 3, 4):
        found.append(f"exit code {result.exit_code}")
    if time.process_time() - began > MAX_SECONDS:
        found.append(f"{time.process_time() - began:.0f} s")
    if arguments[0] != "logs" and (raw := RAW.search(result.output)):
        found.append(f"{raw[0]!r} is printed")
    after = list_tree(folder)
    written = {
        name_written(path, arguments) for path in after.keys() | before.keys() if after.get(path) != before.get(path)
    }
    found += [f"starts {one}" for one in seen.starts - rights.starts]
    found += [f"connects to {one}" for one in seen.connects]
    found += [f"runs {one}" for one in seen.ran]
    found += [f"writes {one}" for one in (written - rights.writes) | seen.wrote]
    return [f"{case.category}: {case.name}: {' '.join(arguments)}: {one}" for one in found]


@pytest.mark.parametrize("group", range(GROUPS))
def test_nothing_gets_through(group, tmp_path, monkeypatch, home):
    for name, value in {"HOME": home, "XDG_CACHE_HOME": home / "cache", "QWEN_RECIPES_HOME": home / "envs"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("qwen_recipes.qwen.template_process.MAX_SECONDS", 1)
    problems = []
    for number, case in enumerate(CASES[group::GROUPS]):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        case.lay_out(folder)
        for arguments in case.commands:
            problems += describe_problems(case, arguments, folder, home)
    assert problems == []


def list_commands(group: click.Group, before: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items() if group.commands else _load_all(group):
        inner = isinstance(command, click.Group)
        found += list_commands(command, f"{before}{name} ") if inner else [f"{before}{name}"]
    return found


def _load_all(group: click.Group):
    context = click.Context(group)
    return [(name, group.get_command(context, name)) for name in group.list_commands(context)]


def test_every_command_has_a_row_in_security_md():
    assert set(RIGHTS) == set(list_commands(main))


def test_every_command_is_watched():
    called = {name_command(arguments) for case in CASES for arguments in case.commands}
    assert called | set(ELSEWHERE) == set(RIGHTS)


def test_the_corpus_is_as_large_as_security_md_says():
    counts = collections.Counter(case.category for case in CASES)
    assert len(CASES) >= 400 and min(counts.values()) >= 10
    assert render_counts() in (ROOT / "SECURITY.md").read_text("utf-8")


def render_counts() -> str:
    """The sentence of SECURITY.md about the corpus."""
    counts = collections.Counter(case.category for case in CASES)
    return f"{len(CASES)} inputs: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
