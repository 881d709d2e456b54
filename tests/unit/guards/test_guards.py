"""Guards by their cases in tests/guards: each finds what it should, nothing else, and its fix helps."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.guards import GuardContext, Violation, list_guard_codes, load_guard, load_guards, run_guards
from qwen_recipes.guards.base import PAGE_HEADINGS
from qwen_recipes.resolve import resolve
from tests.conftest import BASE, ROOT, deep_merge, nest_value

FILES = {file.stem: yaml.safe_load(file.read_text("utf-8")) for file in sorted((ROOT / "tests/guards").glob("*.yaml"))}
CASES = [
    pytest.param(code, case, id=f"{code}: {case['name']}") for code, file in FILES.items() for case in file["cases"]
]
FAILING = [case for case in CASES if case.values[1]["expect"] == "fail"]


JUDGING = [code for code in list_guard_codes() if not code.startswith("QR5")]


def backend_of(case):
    """The backend of a case, at another version where the case names one."""
    backend = load_backend(case["backend"])
    return dataclasses.replace(backend, version=case["version"]) if "version" in case else backend


def load_case(loaded, tmp_path, case, recipe=None):
    """The recipe of a case, with the files that it wants beside it."""
    for name, content in case.get("files", {}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    made = loaded(case["recipe"] if recipe is None else recipe)
    return dataclasses.replace(made, packages=((case["backend"], tuple(case.get("packages", ()))),))


def judged(loaded, recipe, backend):
    made = loaded(recipe)
    one = load_backend(backend)
    return run_guards(resolve(made, one), made, one), made


def judged_case(loaded, tmp_path, code, case, recipe=None):
    """What this guard says of a case, everything that is said, and the recipe."""
    made, one = load_case(loaded, tmp_path, case, recipe), backend_of(case)
    found = run_guards(resolve(made, one), made, one)
    return [f for f in found if f.code == code], found, made


def facts(loaded, tmp_path, case):
    made, backend = load_case(loaded, tmp_path, case), backend_of(case)
    return GuardContext(resolve(made, backend), made, backend)


def test_every_guard_that_judges_has_a_case_file():
    assert list(FILES) == JUDGING
    assert all(file["guard"] == code for code, file in FILES.items())


KEYS = {"name", "recipe", "backend", "expect", "line", "says", "fixed", "also", "files", "version", "packages"}


@pytest.mark.parametrize("code", JUDGING)
def test_a_guard_has_cases_that_fail_and_pass(code):
    cases = FILES[code]["cases"]
    assert {case["expect"] for case in cases} == {"fail", "pass"}
    assert len({case["name"] for case in cases}) == len(cases)
    assert any("line" in case for case in cases)
    assert all(set(case) <= KEYS for case in cases)


def test_guards_of_the_data_say_nothing_of_a_recipe(loaded):
    made, one = loaded({"method": "qdora"}), load_backend("axolotl")
    codes = [code for code in list_guard_codes() if load_guard(code).checked_by]
    assert codes == [code for code in list_guard_codes() if code.startswith("QR5")]
    assert not any(list(load_guard(code).check(GuardContext(resolve(made, one), made, one))) for code in codes)


@pytest.mark.parametrize("code", list_guard_codes())
def test_a_guards_page_has_all_its_parts(code):
    guard = load_guard(code)
    assert guard.code == code
    assert guard.title
    assert not guard.title.endswith(".")
    assert guard.severity in ("error", "warning", "advice")
    assert guard.confidence in ("high", "medium", "low")
    assert guard.name == guard.name.lower()
    for heading in PAGE_HEADINGS:
        assert guard.get_section(heading), f"{code} has no {heading}"
        assert heading + ":" not in guard.get_section(heading)
    assert guard.get_section("Nothing") == ""


def test_names_are_unique():
    assert len({guard.name for guard in load_guards()}) == len(load_guards())
    assert load_guard("qr101") is load_guard("QR101")
    with pytest.raises(KeyError):
        load_guard("QR999")


@pytest.mark.parametrize(("code", "case"), CASES)
def test_case(loaded, tmp_path, code, case):
    """Others may speak too: those that a case names under `also` have to."""
    mine, found, _ = judged_case(loaded, tmp_path, code, case)
    assert {f.code for f in found} >= set(case.get("also", ()))
    if case["expect"] == "pass":
        assert not mine
        return
    (finding,) = mine
    guard = load_guard(code)
    assert finding.severity == guard.severity
    assert finding.message
    assert finding.why
    assert finding.suggestion
    assert "\n" not in finding.why
    assert finding.line == finding.line.rstrip("\n")
    assert case.get("says", "") in f"{finding.message}. {finding.suggestion}."
    if "line" in case:
        assert finding.span.line == case["line"]


@pytest.mark.parametrize(("code", "case"), FAILING)
def test_it_points_at_the_value_that_was_written_or_at_a_native_key(loaded, tmp_path, code, case):
    (finding,), _, made = judged_case(loaded, tmp_path, code, case)
    node = made.document.find_node(finding.route)
    assert node is not None, f"{finding.route} is not in the recipe"
    key = {made.document.span(finding.route, key=True)} if "extra" in finding.route else set()
    assert finding.span in {node.span} | key


@pytest.mark.parametrize(("code", "case"), FAILING)
def test_allow_silences_it_and_the_reason_is_carried(loaded, tmp_path, code, case):
    reason = "measured:\n here, twice"
    _, found, _ = judged_case(loaded, tmp_path, code, case)
    allowed = deep_merge(case["recipe"], {"allow": dict.fromkeys({code, *(f.code for f in found)}, reason)})
    _, found, made = judged_case(loaded, tmp_path, code, case, allowed)
    assert not found
    try:
        compiled = compile_recipe(made, backend_of(case), tmp_path / "out")
    except Exception as error:
        assert getattr(error, "findings", None), repr(error)
        assert all(f.code == "backend" for f in error.findings), "refused for another reason only"
        return
    for name in ("train.yaml", "run.sh"):
        assert f"# {code} is allowed: measured: here, twice\n" in compiled.files[name]


@pytest.mark.parametrize(("code", "case"), FAILING)
def test_compiling_is_refused(loaded, problems, tmp_path, code, case):
    if load_guard(code).severity == "error":
        found = problems(compile_recipe, load_case(loaded, tmp_path, case), backend_of(case), tmp_path)
        assert code in {f.code for f in found}


@pytest.mark.parametrize(("code", "case"), FAILING)
def test_the_fix_makes_it_pass(loaded, tmp_path, code, case):
    (finding,), _, _ = judged_case(loaded, tmp_path, code, case)
    assert (finding.fix is not None) == ("fixed" in case), "a case says what its guard's fix makes of it"
    if finding.fix is None:
        return
    fixed = case["recipe"]
    for path, value in finding.fix.sets:
        fixed = deep_merge(fixed, nest_value(path, value))
    assert fixed == case["fixed"]
    assert isinstance(finding.fix.safe, bool)
    assert not judged_case(loaded, tmp_path, code, case, fixed)[0]
    told = finding.fix.sets[0][1]
    assert (str(told).lower() if isinstance(told, bool) else str(told)) in finding.suggestion


@pytest.mark.parametrize("code", JUDGING)
def test_the_cases_tell_a_dead_guard_and_a_mad_one(loaded, tmp_path, code):
    """Mutation: with the check replaced by `never` or `always`, some case must come out wrong."""
    guard = load_guard(code)
    never = dataclasses.replace(guard, check=lambda facts: iter(()))
    always = dataclasses.replace(guard, versions={}, check=lambda facts: iter([Violation((), "x", "y")]))

    def hits(one, case):
        seen = facts(loaded, tmp_path, case)
        return one.applies_to(seen.backend.name, seen.plan.backend_version) and bool(list(one.check(seen)))

    def right(one):
        return all(hits(one, case) == (case["expect"] == "fail") for case in FILES[code]["cases"])

    assert right(guard)
    assert not right(never)
    assert not right(always)


@pytest.mark.parametrize("code", list_guard_codes())
def test_a_guard_is_silent_on_the_shortest_recipe(loaded, tmp_path, code):
    guard = load_guard(code)
    for backend in ("axolotl", "llamafactory", "ms-swift"):
        if guard.applies_to(backend, load_backend(backend).version):
            assert not list(guard.check(facts(loaded, tmp_path, {"recipe": {}, "backend": backend})))


def test_allowing_a_guard_that_does_not_exist_is_an_error_at_its_key(loaded):
    (finding,), _ = judged(loaded, nest_value("allow.QR199", "because"), "axolotl")
    assert (finding.severity, finding.route) == ("error", ("allow", "QR199"))
    assert "did you mean `QR" in finding.suggestion
    assert finding.line.strip().startswith("QR199")


def test_a_misspelt_backend_is_an_error_at_its_key(loaded):
    (finding,), _ = judged(loaded, nest_value("backends.axoltl.extra", {"a": 1}), "axolotl")
    assert (finding.severity, finding.route) == ("error", ("backends", "axoltl"))
    assert "axolotl" in finding.suggestion


def test_two_guards_are_reported_together(loaded):
    recipe = {
        "training": {"precision": "fp16", "sequence_length": 50_000},
        "hardware": {"gpus": 2, "strategy": "zero3"},
    }
    found, _ = judged(loaded, recipe, "ms-swift")
    assert {f.code for f in found} == {"QR101", "QR310", "QR401"}


def test_the_line_in_a_case_is_of_the_recipe_as_dumped():
    assert yaml.safe_dump(BASE, sort_keys=False).count("\n") == 4
