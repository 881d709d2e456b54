"""Fifty hostile inputs under strace: what children and native code do is what SECURITY.md allows, too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.hostile.test_corpus import CASES, RIGHTS, name_command

CHOSEN = [case for case in CASES if case.category != "log"][:: len(CASES) // 50][:50]
CALLS = "execve,connect,bind,openat,open,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,symlinkat,linkat"
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)", re.M)
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
FAMILIES = ("AF_INET", "AF_INET6")
ABSENT = shutil.which("strace") is None


def trace(command, folder, home):
    """The calls of a command and its children that succeeded, as (name, arguments)."""
    log = home / "trace"
    variables = {"HOME": str(home), "PATH": os.environ["PATH"], "QWEN_RECIPES_HOME": str(home / "envs")}
    variables |= {"RECIPES_TEMPLATE_SECONDS": "1", "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    recipes_command = os.path.join(os.path.dirname(sys.executable), "recipes")  # noqa: PTH118, PTH120
    wrapped = ["strace", "-f", "-qq", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log), recipes_command, *command]
    done = subprocess.run(
        wrapped, cwd=folder, env=variables, capture_output=True, stdin=subprocess.DEVNULL, timeout=300
    )
    found = CALL.findall(log.read_text("utf-8", "replace"))
    return done, [(name, arguments) for name, arguments, result in found if int(result) >= 0]


def find_forbidden(name, arguments, folder, home, rights):
    """What a call does that the table does not allow."""
    paths = TEXT.findall(arguments)
    if name in ("connect", "bind"):
        return f"{name} {arguments}" if any(family in arguments for family in FAMILIES) else ""
    if name == "execve":
        own = (os.path.realpath(sys.executable), sys.executable, os.path.dirname(sys.executable))  # noqa: PTH120
        worker = "template_worker" in arguments and "template worker" not in rights.starts
        return "" if paths[0].startswith(own) and not worker else f"runs {paths[0]}"
    if name.startswith("open") and not re.search("O_WRONLY|O_RDWR|O_CREAT", arguments):
        return ""
    outside = [p for p in paths if p.startswith("/") and not p.startswith((str(folder), str(home), "/dev/"))]
    return f"{name} {outside}" if outside else ""


@pytest.mark.skipif(ABSENT, reason="strace is not installed")
@pytest.mark.full
@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: f"{case.category} {case.name}"[:40])
def test_nothing_but_what_is_allowed(case, tmp_path):
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    case.lay_out(folder)
    for name in ("yaml.py", "json.py", "click.py", "sitecustomize.py", "rows.py", "jinja2.py"):
        if not (folder / name).exists():
            (folder / name).write_text("open('owned', 'w').close()", "utf-8")
    for command in case.commands:
        done, calls = trace(command, folder, home)
        rights = RIGHTS[name_command(command)]
        assert done.returncode in (0, 1, 2, 3, 4) and b"Traceback (most recent call last)" not in done.stderr
        assert [
            bad for name, arguments in calls if (bad := find_forbidden(name, arguments, folder, home, rights))
        ] == []
        assert calls, "strace saw nothing"
        assert not (folder / "owned").exists()
