"""Nothing in the package writes a file but through `filesystem/`."""

from __future__ import annotations

import ast

import pytest

from qwen_recipes.backends.base import ROW_ENCODER, TRAINER_ENTRY
from tests.conftest import ROOT

PACKAGE = ROOT / "qwen_recipes"
IN_A_FRAMEWORKS_PYTHON = ("verify/encoders/", "verify/trainer/", "backends/trl/trainer_plugin.py", "export/merging/")
"""Run by a framework's interpreter, in a temporary folder of our own (a merge: the locked one beside its output)."""
ALLOWED = {
    ("__main__.py", "open"): "the null device, where a shell closed standard output",
    ("data/rows/prepare.py", "rename"): "a data set that `datasets` saved in a temporary folder beside its place",
    ("data/preparation/output_format.py", "write_table"): "into a file that is open",
    ("data/hub_dataset.py", "open"): "a file on the hub, to read",
    ("data/hub_dataset.py", "write_table"): "into memory",
    ("data/rows/open_file.py", "open"): "zstd.open, to read",
    ("qwen/tokenizer.py", "rename"): "a tokenizer that was built in a temporary folder beside its place",
}
METHODS = {
    *("write_text", "write_bytes", "touch", "mkdir", "rename", "symlink_to", "hardlink_to"),
    *("to_csv", "to_json", "to_parquet", "write_table", "savez"),
}
FUNCTIONS = {
    **dict.fromkeys(("open", "fdopen", "mkdir", "makedirs", "rename", "renames", "replace", "link", "symlink"), "os"),
    **dict.fromkeys(("copy", "copy2", "copyfile", "copytree", "move", "make_archive"), "shutil"),
    **dict.fromkeys(("mkstemp", "mkdtemp", "mktemp", "NamedTemporaryFile", "SpooledTemporaryFile"), "tempfile"),
    "FileHandler": "logging",
}
FILES = [
    file
    for file in sorted(PACKAGE.rglob("*.py"))
    if not file.relative_to(PACKAGE).as_posix().startswith(("filesystem/", *IN_A_FRAMEWORKS_PYTHON))
    and file.name not in (ROW_ENCODER, TRAINER_ENTRY)
]


def find_writing_calls(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and name of each call that writes, creates or moves a file."""
    return [
        (call.lineno, name) for call in ast.walk(tree) if isinstance(call, ast.Call) and (name := _name_write(call))
    ]


def _name_write(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Name):
        return "open" if function.id == "open" and _may_write(call, 1) else None
    if not isinstance(function, ast.Attribute):
        return None
    name, base = function.attr, function.value
    if isinstance(base, ast.Name) and FUNCTIONS.get(name) == base.id:
        return None if ast.unparse(call).startswith("os.open(os.devnull") else f"{base.id}.{name}"
    if name == "open":
        return "open" if _may_write(call, 0) else None
    is_path_replace = name == "replace" and len(call.args) == 1 and not call.keywords
    return name if name in METHODS or is_path_replace else None


def _may_write(call: ast.Call, position: int) -> bool:
    modes = [*call.args[position : position + 1], *(k.value for k in call.keywords if k.arg == "mode")]
    return any(not isinstance(mode, ast.Constant) or set("wax+") & set(str(mode.value)) for mode in modes)


def test_modules_write_through_filesystem():
    found = [
        f"{name}:{line}: {call}"
        for file in FILES
        for name in [file.relative_to(PACKAGE).as_posix()]
        for line, call in find_writing_calls(ast.parse(file.read_text("utf-8")))
        if (name, call) not in ALLOWED
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "open(p, 'w')", "open(p, mode='ab')", "p.open('xb')", "p.open(mode)", "p.write_text('')", "p.touch()",
        "os.open(p, f)", "tempfile.mkstemp()", "shutil.copyfile(a, b)", "p.replace(q)", "p.rename(q)", "p.mkdir()",
    ],
)  # fmt: skip
def test_other_ways_to_write_are_seen(line):
    assert find_writing_calls(ast.parse(line))


@pytest.mark.parametrize(
    "line", ["open(p)", "p.open('rb')", "text.replace(a, b)", "os.open(os.devnull, f)", "d.copy()"]
)
def test_reading_is_no_writing(line):
    assert not find_writing_calls(ast.parse(line))
