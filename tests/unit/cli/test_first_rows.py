"""`data.train[].limit`: every command that looks at rows looks at the ones that are trained on."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.data.first_rows import limit_files, split_first_rows
from qwen_recipes.data.rows.row_reader import read_raw_rows
from tests.conftest import deep_merge

ROW = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
BASE = {
    "version": 1,
    "model": "Qwen/Qwen3-4B",
    "training": {"epochs": 2, "batch_size": 4},
    "hardware": {"gpu": "rtx-4090"},
    "run": {"backend": "axolotl"},
}


@pytest.fixture
def place(tmp_path):
    """Two files of ten rows, blank lines between them."""
    for name in ("a", "b"):
        lines = "\n\n".join(json.dumps(deep_merge(ROW, {"id": f"{name}{n}"})) for n in range(10))
        (tmp_path / f"{name}.jsonl").write_text(lines + "\n", "utf-8")
    return tmp_path


def run(place, command, source, **changes):
    (place / "r.yaml").write_text(json.dumps(deep_merge(deep_merge(BASE, {"data": {"train": [source]}}), changes)))
    result = CliRunner().invoke(main, [*command, str(place / "r.yaml"), "--format", "json"])
    assert result.stdout, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(("path", "limit", "read"), [("a.jsonl", 3, 3), ("*.jsonl", 14, 14), ("*.jsonl", 99, 20)])
def test_data_check_reads_the_first_rows(place, path, limit, read):
    pytest.importorskip("tokenizers")
    said = run(place, ["data", "check"], {"path": path, "limit": limit})
    assert said["train"]["read"] == read


def test_a_bad_row_behind_the_limit_is_not_judged(place):
    pytest.importorskip("tokenizers")
    with (place / "a.jsonl").open("a") as file:
        file.write("no row\n")
    codes = [{found["code"] for found in run(place, ["data", "check"], source)["findings"]} for source in (
        {"path": "a.jsonl", "limit": 10}, {"path": "a.jsonl", "limit": 11})]  # fmt: skip
    assert "QR519" not in codes[0] and "QR519" in codes[1]


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ({"path": "a.jsonl"}, 6),
        ({"path": "a.jsonl", "limit": 5}, 4),
        ({"path": "*.jsonl", "limit": 12}, 6),
        ({"path": "a.jsonl", "weight": 2}, 10),
        ({"path": "a.jsonl", "limit": 4, "weight": 3}, 6),
    ],
)
def test_plan_counts_the_steps_that_the_run_will_have(place, source, steps):
    (said,) = run(place, ["plan"], source)
    assert said["steps"] == steps


def test_a_prompt_of_grpo_is_as_many_sequences_as_it_has_answers(place):
    reward = {"path": "rewards.py", "function": "right"}
    objective = {"type": "grpo", "generations": 4, "rewards": [reward]}
    (place / "rewards.py").write_text("def right(**row):\n    return 1.0\n")
    source = {"path": "a.jsonl", "format": "prompt", "columns": {"prompt": "messages"}}
    (said,) = run(place, ["plan"], source, objective=objective)
    assert said["steps"] == 20


@pytest.mark.parametrize("most", [0, 1, 7, 10, 11])
def test_the_first_rows_of_a_file_keep_their_lines(place, most):
    found = [
        record.number for part in split_first_rows(place / "a.jsonl", most_rows=most) for record in read_raw_rows(part)
    ]
    assert found == list(range(1, 20, 2))[:most]


def test_a_limit_goes_over_the_files_of_a_source(place):
    files = [place / "a.jsonl", place / "b.jsonl"]
    assert list(limit_files(files, most_rows=14)) == [(files[0], 14), (files[1], 4)]
    assert list(limit_files(files, most_rows=10)) == [(files[0], 10)]
    assert list(limit_files(files)) == [(file, None) for file in files]
