"""The program beside a compiled config writes as the package does, without the package."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe, write_files


def compile_rows_program(loaded, folder):
    recipe = loaded({"data": {"train": "rows.jsonl"}})
    files = compile_recipe(recipe, load_backend("axolotl"), folder).files
    write_files(folder, files)
    return {name: text for name, text in files.items() if name.startswith("rows/")}


def test_it_imports_nothing_of_the_package(loaded, tmp_path):
    for name, text in compile_rows_program(loaded, tmp_path / "c").items():
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [one for one in names if one.startswith("qwen_recipes")], name


def test_it_follows_no_link_below_the_output_folder(loaded, tmp_path):
    compile_rows_program(loaded, tmp_path / "c")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/rows").symlink_to(tmp_path / "elsewhere")
    spec = {"out": "run/rows", "output_dir": "run", "copied": ["train.yaml"]}
    script = (
        "import importlib.util, json, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('rows', 'c/rows/__init__.py')\n"
        "rows = importlib.util.module_from_spec(spec); sys.modules['rows'] = rows; spec.loader.exec_module(rows)\n"
        "from rows.files_beside_rows import copy_files\n"
        "copy_files(json.loads(sys.argv[1]), pathlib.Path('c'))\n"
    )

    def copy():
        command = [sys.executable, "-I", "-S", "-c", script, json.dumps(spec)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    refused = copy()
    assert refused.returncode == 1 and "is a symbolic link" in refused.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (tmp_path / "run/rows").unlink()
    assert copy().returncode == 0
    assert [path.name for path in Path(tmp_path / "run/rows").iterdir()] == ["train.yaml"]
