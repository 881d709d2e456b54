"""JUnit XML: a test case a file that is good, and one an error; what is no error stands in its file's output."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from qwen_recipes.cli.escaping import escape_line
from qwen_recipes.cli.reporters import text
from qwen_recipes.finding import Finding

_NOT_XML = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(findings: Sequence[Finding], files: Sequence[str] = ()) -> str:
    """A suite of all files. Only errors are failures."""
    errors = [finding for finding in findings if finding.severity == "error"]
    suite = ET.Element("testsuite", name="recipes lint")
    for file in dict.fromkeys([*files, *(finding.file for finding in findings)]):
        of_file = [finding for finding in findings if finding.file == file]
        _add_cases(suite, file, of_file)
    counts = {"tests": str(len(suite)), "failures": str(len(errors)), "errors": "0", "skipped": "0"}
    suite.attrib.update(counts)
    root = ET.Element("testsuites", {"name": "recipes lint", **counts})
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode")


def _add_cases(suite: ET.Element, file: str, findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    for finding in errors:
        span = finding.span
        where = f"{finding.code} at {span.line}:{span.column}" if span else finding.code
        case = ET.SubElement(suite, "testcase", classname=_replace_invalid_xml(file), name=where)
        failure = ET.SubElement(
            case, "failure", type=finding.code, message=_replace_invalid_xml(escape_line(finding.message))
        )
        failure.text = _format_plain([finding])
    others = [finding for finding in findings if finding.severity != "error"]
    if not errors or others:
        case = ET.SubElement(suite, "testcase", classname=_replace_invalid_xml(file), name="recipe")
        if others:
            ET.SubElement(case, "system-out").text = _format_plain(others)


def _format_plain(findings: list[Finding]) -> str:
    return _replace_invalid_xml(re.sub("\x1b\\[[0-9;]*m", "", text.report(findings)))


def _replace_invalid_xml(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
