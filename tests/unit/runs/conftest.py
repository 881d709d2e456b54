"""What the tests of runs share: a folder with a recipe, and a run that stopped half-way."""

import pytest

from tests.unit.runs.stand_ins import PYTHON, RECIPE, checkpoint, framework, recipes_run

GOES_ON = """\
Path("arguments").write_text(" ".join(sys.argv[1:]))
save()
"""


@pytest.fixture
def place(tmp_path):
    """A recipe's folder with a stand-in environment; `framework(body)` says what the stand-in framework does."""
    (tmp_path / "toy.yaml").write_text(RECIPE)
    (tmp_path / "rows.jsonl").write_text('{"messages": []}\n')
    commands = tmp_path / "stand-in" / "bin"
    commands.mkdir(parents=True)
    (commands / "python").write_text(PYTHON)
    (commands / "python").chmod(0o755)
    framework(tmp_path, "save()")
    return tmp_path


@pytest.fixture
def stopped(place):
    """A run that failed at step 2 of 3 and left its checkpoints."""
    framework(place, "save(steps=1, planned=3)\nsys.exit(1)")
    assert recipes_run(place)[0] == 5
    for step in (1, 2):
        checkpoint(place / "runs/toy", step)
    framework(place, GOES_ON)
    return place
