"""Text that is no JSON is explained in plain words, with its place."""

from __future__ import annotations

import pytest

from qwen_recipes.data.rows.row_reader import read_file_rows

LINES = {
    '{"a": None}': "`None` is Python, not JSON: write null (column 7)",
    '{"a": True}': "write true (column 7)",
    "{'a': 1}": "' is no quotation mark of JSON: write \" (column 2)",
    '{\u201ca": 1}': "\u201c is no quotation mark of JSON",
    '{"a": 1,}': "a comma too many before the end of a list or map",
    '{"a": [1,]}': "a comma too many before the end of a list or map",
    '{"a": }': "a value is missing (column 7)",
    '{"a" 1}': "expected a colon after the key, found `1}` (column 6)",
    '{"a": 1 "b": 2}': 'expected a comma or the end of the list or map, found `"b": 2}` (column 9)',
    "{a: 1}": 'expected a key in quotation marks ("), found `a: 1}` (column 2)',
    '{"a": "b': "a text without a closing quotation mark on its line (column 9)",
    '{"a": ': "it is cut off",
    '{"a": [1, 2': "it is cut off",
    '{"a": "\t"}': "a line break, tab or control character within a text: write \\t (column 8)",
    '{"a": "\\d"}': "a backslash that JSON does not know",
    "# a note": "a comment, which JSON does not have (column 1)",
    "prose": "expected a value, found `prose` (column 1)",
    "- role: user": "expected a value, found `- role: user` (column 1)",
    "question,answer": "expected a value, found `question,answer` (column 1)",
    '{"a": undefined}': "expected a value, found `undefined}` (column 7)",
}
OUR_WORDS = ("Expecting", "delimiter", "Unterminated", "Invalid", "Illegal", "enclosed")


@pytest.mark.parametrize("line", LINES)
def test_a_line(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n{{"a": 2}}\n', "utf-8")
    first, broken, last = read_file_rows(path)
    assert (first.problem, last.problem, broken.number) == ("", "", 2)
    assert broken.problem.startswith("not JSON: ") and LINES[line] in broken.problem
    assert not any(word in broken.problem for word in OUR_WORDS)


@pytest.mark.parametrize(("before", "place"), [(0, "line 4, column 15"), (3_000_000, "line 4, column 15")])
def test_a_list_names_line_and_column_of_the_file(tmp_path, before, place):
    path = tmp_path / "a.json"
    path.write_text(f'[\n  {{"a": "{"x" * before}"}},\n  {{"a": 2,\n     "b": [1, None]}}\n]\n', "utf-8")
    *rows, broken = read_file_rows(path)
    assert [row.row for row in rows] == [{"a": "x" * before}]
    assert broken.problem == f"not JSON: `None` is Python, not JSON: write null ({place}); what follows is not read"


def test_columns_go_on_behind_what_was_read_before(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(f'[{{"a": "{"x" * 3_000_000}"}}, nope]', "utf-8")
    assert "(line 1, column 3000013)" in list(read_file_rows(path))[-1].problem
