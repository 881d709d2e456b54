"""Which installer is taken, what it obeys, and that no credentials are kept."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from qwen_recipes.environments import install, interpreter, logged_command, pip_and_uv
from qwen_recipes.environments.install import build_environment
from tests.unit.environments.toy import a_wheel, an_environment


def uv_that_says(folder: Path, text: str) -> str:
    uv = folder / "uv"
    uv.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    return str(uv)


def test_uv_is_chosen_for_a_cpu_only_where_it_finds_the_cpu_build(tmp_path):
    python = Path(sys.executable)
    uv = uv_that_says(tmp_path, " + torch==2.13.0")
    assert pip_and_uv.choose_installer(python, "cpu", "torch==2.13.0", None, uv).name == "pip"
    assert pip_and_uv.choose_installer(python, "cuda", "torch==2.13.0", None, uv).name == "uv"
    uv = uv_that_says(tmp_path, " + torch==2.13.0+cpu")
    chosen = pip_and_uv.choose_installer(python, "cpu", "torch==2.13.0", None, uv)
    assert chosen.name == "uv"
    assert chosen.torch(Path("torch.txt"))[-4:] == ["--torch-backend", "cpu", "-r", "torch.txt"]


def test_an_index_for_torch_is_for_torch_alone(tmp_path):
    chosen = pip_and_uv.choose_installer(Path("python"), "cpu", "torch==2.13.0", "file:///wheels", None)
    assert chosen.torch_variables == {"PIP_INDEX_URL": "file:///wheels"}
    steps = (chosen.torch, chosen.plain, chosen.built, chosen.any_python)
    every = [step(tmp_path / "pins.txt") for step in steps]
    assert not any("wheels" in word for command in every for word in command), "credentials stand in no command line"


def test_uv_obeys_no_settings_of_the_folder_it_stands_in(tmp_path, monkeypatch):
    uv = uv_that_says(tmp_path, "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("UV_CONFIG_FILE", raising=False)
    index = "https://user:secret@host/simple"
    chosen = pip_and_uv.choose_installer(Path("python"), "cuda", "torch==2.13.0", index, uv)
    for command in (step(tmp_path / "pins.txt") for step in (chosen.torch, chosen.plain, chosen.built)):
        assert command[:4] == [uv, "pip", "install", "--no-config"]
        assert not any("secret" in word for word in command)
    (tmp_path / "config/uv").mkdir(parents=True)
    (tmp_path / "config/uv/uv.toml").write_text("", "utf-8")
    own = str(tmp_path / "config/uv/uv.toml")
    assert chosen.plain(tmp_path)[3:5] == ["--config-file", own], "the person's own settings count"


def test_a_strangers_folder_runs_nothing_and_credentials_are_not_kept(tmp_path, monkeypatch, offline):
    monkeypatch.setattr(install, "find_interpreter", interpreter.find_interpreter)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    for module in ("pip", "venv", "ensurepip", "torch", "email", "json", "logging", "sitecustomize"):
        (stranger / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('{module} ')\n", "utf-8")
    (stranger / "uv.toml").write_text("no-build = 'nonsense'", "utf-8")
    monkeypatch.chdir(stranger)
    a_wheel(offline, "torch", "2.13.0", "__version__ = '2.13.0'")
    environment = an_environment(tmp_path, "torch==2.13.0\n")
    build_environment(environment, lambda text: None, "https://user:s3cret@host/simple?token=s3cret")
    assert environment.ready
    assert not (tmp_path / "ran").exists()
    kept = [
        path for path in environment.folder.rglob("*") if path.is_file() and path.suffix in (".log", ".json", ".txt")
    ]
    assert kept and not any("s3cret" in path.read_text("utf-8", "replace") for path in kept)


def test_credentials_are_hidden_in_a_log():
    text = "GET https://me:tok@host/a?sig=tok from git+ssh://tok@host/b and https://host/plain"
    hidden = logged_command.hide_credentials(text)
    assert hidden == "GET https://***@host/a?*** from git+ssh://***@host/b and https://host/plain"


def test_variables_that_send_packages_elsewhere_are_left_out():
    assert pip_and_uv.clean_variables({"PIP_TARGET": "/x", "PYTHONPATH": "/y", "HOME": "/z"}) == {"HOME": "/z"}
