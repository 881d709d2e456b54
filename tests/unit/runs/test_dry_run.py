"""`recipes run --dry-run`: everything is checked, of a sweep every trial, little is printed, and nothing is written."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from tests.unit.runs.stand_ins import RECIPE, checkpoint, framework, recipes_run

ROWS = "data: {train: rows.jsonl, validation: rows.jsonl}\n"


@pytest.fixture
def write(place):
    """Writes the recipe with a sweep; the stand-in environment has LLaMA-Factory's metadata and no other package."""

    def to(parameters):
        text = RECIPE.replace("data:\n  train:\n    - path: rows.jsonl\n", ROWS)
        (place / "toy.yaml").write_text(f"{text}sweep: {{parameters: {parameters}}}\n")
        found = place / "stand-in/lib/python3.11/site-packages/llamafactory-0.9.5.dist-info"
        found.mkdir(parents=True)
        (found / "METADATA").write_text("Metadata-Version: 2.1\nName: llamafactory\nVersion: 0.9.5\n")
        return place

    return to


@pytest.fixture
def dry_run(place, monkeypatch):
    """A dry run in the recipe's folder: exit code, standard output and error."""
    monkeypatch.chdir(place)

    def run(*arguments, **variables):
        before = sorted(place.rglob("*"))
        done = CliRunner().invoke(main, ["run", "toy.yaml", "--dry-run", *arguments], env=variables)
        assert sorted(place.rglob("*")) == before
        return done.exit_code, done.stdout, done.stderr

    return run


def test_files_of_a_run_are_counted_and_the_most_important_named(place, dry_run):
    code, out, _ = dry_run()
    assert code == 0 and len(out.splitlines()) == 5
    assert "in compiled/toy/llamafactory: run.sh, train.yaml, " in out and out.endswith("to write     all\n")
    assert recipes_run(place)[0] == 0
    assert dry_run()[1].endswith("to write     none: they are up to date\n")
    assert dry_run("--set", "training.steps=4", "--force")[1].endswith("to write     run.sh, train.yaml\n")


def test_a_file_that_a_run_would_refuse_to_overwrite_is_reported(place, dry_run):
    assert recipes_run(place)[0] == 0
    config = place / "compiled/toy/llamafactory/train.yaml"
    config.write_text(config.read_text() + "# mine\n")
    code, out, err = dry_run()
    assert code == 1 and not out and "was edited by hand" in err


def test_a_run_to_resume_is_named(place, dry_run):
    framework(place, "save(steps=1)\nsys.exit(1)")
    assert recipes_run(place)[0] == 5
    checkpoint(place / "runs/toy", 1)
    assert "resume from  checkpoint-1\n" in dry_run("--resume")[1]


def test_resume_without_a_checkpoint_is_said_before_other_problems(place, dry_run):
    arguments = ("--resume", "--set", "run.environment=managed")
    code, _, err = dry_run(*arguments, QWEN_RECIPES_HOME=str(place / "none"))
    said = err.splitlines()
    assert code == 4 and said[0] == "recipes: no checkpoint to resume from in runs/toy: starting over"
    assert "recipes env create llamafactory" in said[1]


def test_every_trial_is_listed_with_its_command(write, dry_run):
    write("{training.learning_rate: [0.001, 0.002]}")
    code, out, err = dry_run()
    assert code == 0, err
    assert "trial        lr0.001: recipes run toy.yaml -q --set sweep.trial=lr0.001\n" in out
    assert out.count("environment  ") == 1 and out.count("trial   ") == 2


def test_what_trials_share_is_reported_once(write, dry_run):
    place = write("{training.learning_rate: [0.001, 0.002]}")
    (place / "rows.jsonl").unlink()
    (place / "runs").write_text("a file")
    code, out, err = dry_run("--set", "run.environment=nowhere", "--set", "hardware.device=cuda")
    assert code == 1 and not out
    assert err.count("is not a virtual environment") == 1 and "trial " not in err
    assert err.count("output.dir runs/toy/*: ") == 1 and err.count("GPU found") == 1
    assert err.count("rows.jsonl does not exist") == 2, "as training and as validation data"


def test_what_one_trial_needs_is_reported_with_its_name(write, dry_run):
    write("{tracking.to: [none, swanlab]}")
    code, out, err = dry_run()
    assert code == 4 and not out
    assert err.startswith("recipes: trial to-swanlab: `tracking: swanlab` needs the package swanlab, which is not")
    assert err.count("recipes: ") == 1


def test_trials_with_a_result_are_left_out_on_resume(write, dry_run):
    place = write("{training.learning_rate: [0.001, 0.002]}")
    framework(place, "sys.exit(1)")
    assert recipes_run(place, shown=False)[0] == 5
    file = place / "runs/toy/sweep.json"
    record = json.loads(file.read_text())
    record["trials"][0]["status"], record["trials"][1]["status"] = "finished", "interrupted"
    file.write_text(json.dumps(record))
    assert "lr0.001" not in dry_run("--resume")[1]
    assert "lr0.001" in dry_run()[1]


def test_one_framework_is_needed(write, dry_run):
    write("{training.learning_rate: [0.001, 0.002]}")
    code, _, err = dry_run("--backend", "all")
    assert code == 2 and "takes one framework" in err


def test_an_empty_sweep_folder_is_said_on_resume(write, dry_run):
    write("{training.learning_rate: [0.001, 0.002]}")
    assert "no sweep to resume in" in dry_run("--resume")[2]
