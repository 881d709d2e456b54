"""Data sets on the hub in the data commands: the real client against a hub on loopback."""

import json
import os
import subprocess
import sys

import pytest

from tests.hub.server import serve_hub

ROW = {"messages": [{"role": "user", "content": "Question?"}, {"role": "assistant", "content": "An answer."}]}


@pytest.fixture
def hub(tmp_path):
    rows = tmp_path / "hub/datasets/me/rows"
    rows.mkdir(parents=True)
    lines = [json.dumps({"messages": [{**ROW["messages"][0], "content": f"Question {n}?"}, ROW["messages"][1]]})
             for n in range(30)]  # fmt: skip
    (rows / "train.jsonl").write_text("\n".join([*lines, "{broken"]) + "\n")
    (rows / "test.jsonl").write_text(lines[0] + "\n")
    with serve_hub(tmp_path / "hub") as served:
        yield served


def run_recipes(hub, tmp_path, *arguments, **variables):
    named = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "qwen_recipes", "data", *map(str, arguments)]
    settings = {**os.environ, **named, "HF_HUB_DISABLE_XET": "1", **variables}
    return subprocess.run(command, env=settings, cwd=tmp_path, capture_output=True, text=True)


def test_a_data_set_is_checked_as_its_files_are(hub, tmp_path):
    made = run_recipes(hub, tmp_path, "check", "me/rows", "--validation", "me/rows", "--format", "json", "--jobs", 1)
    assert made.returncode == 1, made.stderr
    told = json.loads(made.stdout)
    wrong = [one["examples"][0]["line"] for one in told["findings"] if one["severity"] == "error"]
    assert told["train"]["read"] == 31 and 31 in wrong
    assert "me/rows, split train, commit" in made.stderr and "all rows" in made.stderr
    hub.requests.clear()
    again = run_recipes(hub, tmp_path, "check", "me/rows", "--jobs", 1, HF_HUB_OFFLINE="1")
    assert again.returncode == 1 and "31 rows read" in again.stdout and not hub.requests


def test_a_recipe_s_data_set_is_previewed_and_prepared(hub, tmp_path):
    recipe = "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: [{hub: me/rows, split: test}]}\nrun: {backend: trl}\n"
    (tmp_path / "r.yaml").write_text(recipe)
    shown = run_recipes(hub, tmp_path, "preview", "r.yaml")
    assert shown.returncode == 0 and "Question 0?" in shown.stdout, shown.stderr
    made = run_recipes(hub, tmp_path, "prepare", "r.yaml", "-o", "out.jsonl")
    assert made.returncode == 0 and (tmp_path / "out.jsonl").read_text().count("\n") == 1, made.stderr


def test_a_large_split_is_sampled_unless_all_is_asked_for(hub, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    noise = [os.urandom(3000).hex() for _ in range(3000)]
    rows = [{"messages": [{**ROW["messages"][0], "content": text}, ROW["messages"][1]]} for text in noise]
    folder = tmp_path / "hub/datasets/me/large"
    (folder / "lines").mkdir(parents=True)
    (folder / "columns/data").mkdir(parents=True)
    (folder / "lines/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = pyarrow.Table.from_pylist(rows)
    parquet.write_table(table, folder / "columns/data/train-00000-of-00001.parquet", row_group_size=500)
    for subset, seen in (("lines", range(1200, 1500)), ("columns", range(500, 2001))):
        told = ["preview", "me/large", "--subset", subset, "--rows", 1]
        made = run_recipes(hub, tmp_path, *told)
        assert made.returncode == 0 and "a sample" in made.stderr, made.stderr
        (sample,) = [file for file in (tmp_path / "cache").rglob("*") if file.is_file() and subset in str(file)]
        held = parquet.read_table(sample).num_rows if subset == "columns" else sample.read_bytes().count(b"\n")
        assert held in seen
    whole = run_recipes(hub, tmp_path, "prepare", "me/large", "--subset", "lines", "-o", "out.jsonl")
    assert whole.returncode == 0 and "3,000 rows read" in whole.stdout, whole.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["me/none"], "the hub has no public data set me/none; check the id"),
        (["me/rows", "--revision", "v9"], "me/rows has no revision v9; check `revision`"),
        (["me/rows", "--split", "dev"], "me/rows has no split dev; splits: test, train"),
        (["me/gated"], "me/gated is gated; accept its license"),
        (["rows.jsonl", "--split", "dev"], "--subset, --split and --revision apply to a data set on the hub"),
        (["data/rows.jsonl"], "data/rows.jsonl does not exist"),
    ],
)
def test_what_is_not_there_exits_2(hub, tmp_path, words, told):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "hub/datasets/me/gated").mkdir()
    hub.gated = {"me/gated"}
    made = run_recipes(hub, tmp_path, "check", *words)
    assert (made.returncode, "Traceback" in made.stderr) == (2, False) and told in made.stderr
