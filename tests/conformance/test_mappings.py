"""Turn off each place where a template writes a value of the plan: something that knows what it means has to notice.

Fifty, chosen by the commit's hash, in `make conformance`; all of them in `make conformance-full`.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.conformance.framework_parser import FrameworkParser
from tests.conformance.mappings.corpus import ROOT, ChangedOutput, MappingCorpus
from tests.conformance.mappings.oracle import MappingOracle
from tests.conformance.mappings.places import WAYS, TemplateMapping, list_mappings

SURVIVORS = Path(__file__).parent / "mappings" / "survivors.yaml"
PER_COMMIT = 50


def read_commit() -> str:
    """The commit's hash, or nothing outside a checkout."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def load_survivors() -> dict[tuple[str, str], str]:
    """Why nobody notices, by mapping and way."""
    listed = yaml.safe_load(SURVIVORS.read_text("utf-8"))
    return {(key, way): one["why"] for one in listed for key in one["mappings"] for way in one.get("ways", WAYS)}


MAPPINGS = {mapping.key: mapping for mapping in list_mappings()}
CHOSEN = frozenset(random.Random(read_commit()).sample(sorted(MAPPINGS), PER_COMMIT))


def list_cases() -> list[object]:
    """Every mapping; those that this commit does not choose take longer."""
    return [
        pytest.param(mapping, id=f"{mapping.template}:{mapping.line}:{mapping.expression}", marks=marks(mapping))
        for mapping in MAPPINGS.values()
    ]


def marks(mapping: TemplateMapping) -> tuple[pytest.MarkDecorator, ...]:
    """What keeps a mapping out of `make conformance`."""
    return () if mapping.key in CHOSEN else (pytest.mark.full,)


@pytest.fixture(scope="module")
def oracle(
    tmp_path_factory: pytest.TempPathFactory, framework_parser: Callable[[str], FrameworkParser]
) -> Iterator[MappingOracle]:
    folder = tmp_path_factory.mktemp("mappings")
    yield MappingOracle(MappingCorpus(folder / "compiled"), folder, framework_parser)


@pytest.mark.parametrize("mapping", list_cases())
def test_a_mapping_that_is_turned_off_is_noticed(
    mapping: TemplateMapping, oracle: MappingOracle, tmp_path: Path
) -> None:
    explained = load_survivors()
    noticed = {way: oracle.find_notice(mapping, way, tmp_path / way) for way in WAYS}
    wrong = {way: told for way, told in noticed.items() if (told is None) != ((mapping.key, way) in explained)}
    assert not wrong, f"templates/{mapping.template}:{mapping.line}: `{mapping.text}`: {wrong}"


def test_survivors_are_mappings() -> None:
    assert {key for key, _ in load_survivors()} <= set(MAPPINGS)
    assert all(why for why in load_survivors().values())


def test_every_mapping_has_a_name_of_its_own() -> None:
    assert len(MAPPINGS) == len(list(list_mappings()))
    assert len(MAPPINGS) > 400


@pytest.mark.full
def test_what_is_compiled_is_as_planned(oracle: MappingOracle) -> None:
    """The same checks find nothing in what is compiled: else they would notice anything."""
    wrong = {
        case.name: found
        for case in oracle.corpus.newest
        if oracle.can_parse(case) and (found := oracle.find_wrong_argument(case))
    }
    assert wrong == {}


def test_files_and_scripts_are_as_planned(oracle: MappingOracle) -> None:
    """Of each backend and strategy one script is run; every other file of every case is looked at."""
    scripts = {(case.backend.name, case.made.plan.hardware.strategy): case for case in oracle.corpus.newest}
    for case in oracle.corpus.newest:
        for output in case.outputs:
            if output.kind != "shell" or case in scripts.values():
                unchanged = ChangedOutput(case, case.backend, output, case.made.files[output.name])
                assert oracle.find_told_difference(unchanged) is None, case.name
