"""The notebook in examples/ runs from top to bottom, its training too."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.training, pytest.mark.full]


def test_the_notebook_runs(
    tmp_path: Path, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path]
) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    interpreter("llamafactory")
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("runs", "compiled", "model")
    )
    shutil.copytree(tiny_model("llamafactory"), tmp_path / "examples/quickstart/model")
    folder = tmp_path / "examples/python"
    notebook = nbformat.read(folder / "recipe.ipynb", as_version=4)
    client.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [output["data"].get("text/html", "") for cell in notebook.cells if cell.cell_type == "code"
             for output in cell.outputs if "data" in output]  # fmt: skip
    assert any("QR203" in html for html in shown), "findings"
    assert any("rtx-4090" in html and "peak memory" in html for html in shown), "the plan"
    assert any("<svg" in html and "loss" in html for html in shown), "the run's curves"
