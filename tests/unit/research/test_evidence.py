"""Evidence that can be repeated: what its scripts saw is kept, guards name them, and the cheap ones run here."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from qwen_recipes.guards import list_guard_codes, load_guard
from tests.conftest import ROOT

_spec = importlib.util.spec_from_file_location("evidence_run", ROOT / "research/evidence/run_evidence.py")
run = importlib.util.module_from_spec(_spec)
sys.modules["evidence_run"] = run
_spec.loader.exec_module(run)

SCRIPTS = run.list_evidence()
CHEAP = [one for one in SCRIPTS if not one.environment]


@pytest.mark.parametrize("one", SCRIPTS, ids=lambda one: one.name)
def test_what_a_script_saw_is_kept(one):
    kept = json.loads(one.result.read_text("utf-8"))
    assert run.is_as_claimed(kept)
    assert kept["shown"] and kept["absent"], "a failure, and where it is not"
    assert tuple(kept["guards"]) == one.guards
    assert kept["environment"] == (one.environment or "qwen-recipes")
    assert kept["versions"] and "not installed" not in kept["versions"].values()


def test_guards_and_scripts_name_each_other():
    named = {(code, one.name) for one in SCRIPTS for code in one.guards}
    told = {
        (code, one.name)
        for code in list_guard_codes()
        for one in SCRIPTS
        if f"research/evidence/{one.name}.py" in load_guard(code).get_section("Evidence")
    }
    assert told == named
    assert len(SCRIPTS) >= 15
    assert {file.stem for file in (ROOT / "research/evidence/results").glob("*.json")} == {one.name for one in SCRIPTS}


@pytest.mark.parametrize("one", CHEAP, ids=lambda one: one.name)
def test_what_needs_no_framework_is_seen_again(one):
    pytest.importorskip("transformers")
    assert run.is_as_claimed(run.run_script(one))
