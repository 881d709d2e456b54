"""`~` where there is no home: of a name that nobody has, and of a user whom the system does not know."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_recipes.cli import main
from qwen_recipes.filesystem.home_folder import HomeFolderError, expand_home, get_home
from qwen_recipes.qwen.hub_cache import find_snapshot

NOBODY = "~nobody-of-this-name/x"
RECIPE = "version: 1\nmodel: {model}\ndata: {{train: {data}}}\n"


def test_a_path_of_nobody_stays_as_it_is(monkeypatch):
    assert expand_home(NOBODY) == Path(NOBODY)
    monkeypatch.setenv("HOME", "/home/me")
    assert (expand_home("~/x"), get_home()) == (Path("/home/me/x"), Path("/home/me"))


def test_no_home_is_not_the_current_folder(monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for name in ("XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "QWEN_RECIPES_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(HomeFolderError, match="set HOME"):
        get_home()
    assert find_snapshot("Qwen/Qwen3-4B") is None
    done = CliRunner().invoke(main, ["env", "list"])
    assert (done.exit_code, "set HOME" in done.output) == (1, True), done.exception


@pytest.mark.parametrize(
    "text",
    [
        RECIPE.format(model="Qwen/Qwen3-4B", data=NOBODY),
        RECIPE.format(model=NOBODY, data="rows.jsonl"),
        RECIPE.format(model="Qwen/Qwen3-4B", data="rows.jsonl") + f"output: {{dir: {NOBODY}}}\n",
        RECIPE.format(model="Qwen/Qwen3-4B", data="rows.jsonl") + f"chat: {{template: {NOBODY}.jinja}}\n",
        RECIPE.format(model="Qwen/Qwen3-4B", data="rows.jsonl") + f"method: {{type: lora, start_from: {NOBODY}}}\n",
        f"extends: {NOBODY}.yaml\n",
    ],
    ids=["data", "model", "output", "template", "start_from", "extends"],
)
@pytest.mark.parametrize("command", ["lint", "compile", "plan"])
def test_recipes_of_nobody(text, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(text, "utf-8")
    done = CliRunner().invoke(main, [command, "r.yaml"])
    assert isinstance(done.exception, SystemExit | None), done.exception
    assert done.exit_code in (0, 1, 2)
