"""`recipes init`: what it writes lints clean, compiles, and fits by the estimate."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from tests.conftest import BACKENDS, ROOT

DATA = ROOT / "examples" / "data"


def init(folder, *words):
    return CliRunner().invoke(main, ["init", "-o", str(folder / "mine.yaml"), *words])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("rows", "gpu", "objective"),
    [
        ("support.jsonl", "rtx-3060", None),
        ("preferences.jsonl", "rtx-4090", "dpo"),
        ("labelled.jsonl", "h100", "kto"),
        ("articles.jsonl", "l4", "pretrain"),
        ("sharegpt.jsonl", "rtx-4060", None),
    ],
)
def test_what_it_writes_is_good_and_fits(tmp_path, backend, rows, gpu, objective):
    result = init(tmp_path, "--data", str(DATA / rows), "--gpu", gpu, "--backend", backend)
    assert result.exit_code == 0, result.output
    file = str(tmp_path / "mine.yaml")
    text = (tmp_path / "mine.yaml").read_text("utf-8")
    assert (f"objective: {objective}" in text) == (objective is not None) and "# " in text
    findings = json.loads(CliRunner().invoke(main, ["lint", file, "--format", "json"]).stdout)
    assert not [f for f in findings if f["severity"] in ("error", "warning")], findings
    assert CliRunner().invoke(main, ["compile", file, "-o", str(tmp_path / "out")]).exit_code == 0
    assert CliRunner().invoke(main, ["plan", file]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml", "out"], "nothing else is left there"


def test_a_file_that_is_there_stays(tmp_path):
    (tmp_path / "mine.yaml").write_text("mine", "utf-8")
    assert init(tmp_path, "--data", str(DATA / "support.jsonl")).exit_code == 2
    assert (tmp_path / "mine.yaml").read_text("utf-8") == "mine"
    assert init(tmp_path, "--data", str(DATA / "support.jsonl"), "--force").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "--data"),
        (("--data", "nowhere.jsonl"), 2, "nowhere.jsonl"),
        (("--data", str(DATA / "support.jsonl"), "--gpu", "rtx-1"), 2, "rtx-1"),
        (("--data", str(DATA / "support.jsonl"), "--backend", "axolot"), 2, "axolotl"),
        (("--data", str(DATA / "support.jsonl"), "--model", "Qwen/Qwen3-5B"), 1, "Qwen3-5B"),
        (("--data", str(DATA / "support.jsonl"), "--model", "Qwen/Qwen3-235B-A22B", "--gpu", "t4"), 1, "does not fit"),
    ],
)
def test_what_can_t_be_is_said(tmp_path, words, code, said):
    result = init(tmp_path, *words)
    assert result.exit_code == code and said in result.output
    assert not list(tmp_path.iterdir())
