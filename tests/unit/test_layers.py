"""A folder imports from those before it, never from those after; files stay small."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys

from tests.conftest import ROOT

PACKAGE = ROOT / "qwen_recipes"
ORDER = (
    *(
        "filesystem",
        "yaml_text",
        "recipe",
        "qwen",
        "gpus",
        "backends",
        "data",
        "estimate",
        "resolve",
        "guards",
        "compile",
    ),
    *("environments", "runs", "export", "diagnose", "verify", "reports", "lsp", "cli", "api"),
)
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text("utf-8")) for file in FILES}
ALLOWED = {"click", "pydantic", "pydantic_core", "yaml", "jinja2", "jsonschema", "rich", "qwen_recipes"}
STANDALONE = (
    *("backends/axolotl/weights_dtype_plugin.py", "backends/ms_swift/weights_dtype_plugin.py"),
    *("backends/axolotl/trainer_plugin.py", "backends/ms_swift/trainer_plugin.py"),
    *(
        "backends/axolotl/axolotl_preferences.py",
        "data/rows/ms_swift_template.py",
        "verify/encoders/",
        "verify/trainer/",
        "export/merging/",
    ),
)
"""Run by other interpreters, with what is installed there."""


def imported(tree):
    """Names of the modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.col_offset) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                assert node.level == 1, "a neighbour, no more"
                continue
            yield from ((f"{node.module}.{alias.name}", node.col_offset) for alias in node.names)


def test_imports_go_one_way():
    backwards = []
    for file in FILES:
        folder = file.relative_to(PACKAGE).parts[0]
        if folder in ORDER:
            later = ORDER[ORDER.index(folder) + 1 :]
            names = [name for name, _ in imported(TREES[file]) if name.startswith("qwen_recipes.")]
            backwards += [f"{file} imports {name}" for name in names if name.split(".")[1] in later]
    assert backwards == []


def test_no_modules_import_each_other_in_a_circle():
    modules = {module_name(file): file for file in FILES if file != PACKAGE / "__init__.py"}  # it loads nothing
    graph = {name: set(find_imported_modules(file, modules)) - {name} for name, file in modules.items()}
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()


def module_name(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def find_imported_modules(file, modules):
    """Modules of the package that a file imports, wherever in it."""
    for name, _ in imported(TREES[file]):
        yield from [one for one in (name, name.rpartition(".")[0]) if one in modules][:1]


def test_every_folder_has_its_place():
    assert {f.name for f in PACKAGE.iterdir() if f.is_dir() and f.name not in ("__pycache__", "_shipped")} <= set(ORDER)


def test_the_core_needs_little():
    known = {*sys.stdlib_module_names, *ALLOWED, "__future__"}
    too_early = [
        f"{file} imports {module} before it is needed"
        for file in FILES
        if not str(file.relative_to(PACKAGE)).startswith(STANDALONE)
        for module, column in imported(TREES[file])
        if module.split(".")[0] not in known and column == 0
    ]
    assert too_early == []


CODE = [
    f
    for folder in ("qwen_recipes", "tools", "benchmarks", "research", "tests")
    for f in sorted((ROOT / folder).rglob("*.py"))
]


def test_no_file_is_long():
    lengths = {str(f.relative_to(ROOT)): len(f.read_text("utf-8").splitlines()) for f in CODE}
    assert {name: n for name, n in lengths.items() if n > 500} == {}


def test_no_path_of_a_machine():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    places = tuple(f"/{name}/" for name in ("work", "root", "farm"))
    for name in listed.split("\0"):
        file = ROOT / name
        if name.endswith((".py", ".md", ".yaml", ".j2", ".toml", ".json", ".sh", ".cff")) and file.is_file():
            text = file.read_text("utf-8")
            assert not any(place in text for place in places), name


def test_forbidden_words():
    for file in FILES:
        words = {n.name.lower() for n in ast.walk(TREES[file]) if isinstance(n, ast.ClassDef)}
        assert not any(bad in word for word in words for bad in ("manager", "helper", "utils")), file
