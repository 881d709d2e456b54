"""Shards of a checkpoint are pickles: nothing that they name is loaded but what FSDP writes itself."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import PosixPath

import pytest

from qwen_recipes.export.merging.checked_pickles import explain_unreadable, load_metadata
from qwen_recipes.export.merging.read_config import MergeError


class Owner:
    def __reduce__(self):
        return os.system, ("touch owned",)


HOSTILE = {
    "a call": (pickle.dumps(Owner()), "`posix.system`"),
    "an old call": (b"cos\nsystem\n(S'touch owned'\ntR.", "`os.system`"),
    "eval": (b"cbuiltins\neval\n(S'1'\ntR.", "`builtins.eval`"),
    "a way through a module": (b"\x80\x04\x8c\x07pathlib\x8c\x09os.system\x93.", "`pathlib.os.system`"),
    "another class of torch": (b"ctorch.serialization\nload\n.", "`torch.serialization.load`"),
    "a persistent id": (b"P1\n.", "damaged"),
    "cut": (pickle.dumps([1, 2])[:-2], "damaged"),
    "empty": (b"", "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_else_is_loaded(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, says = HOSTILE[name]
    (tmp_path / ".metadata").write_bytes(content)
    with pytest.raises(MergeError, match=says):
        load_metadata(tmp_path / ".metadata")
    assert not (tmp_path / "owned").exists()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / ".metadata")
    with pytest.raises(MergeError, match="a pipe or a device"):
        load_metadata(tmp_path / ".metadata")


def test_paths_and_maps_are_loaded(tmp_path):
    found = OrderedDict(a=PosixPath("__0_0.distcp"))
    (tmp_path / ".metadata").write_bytes(pickle.dumps(found))
    assert load_metadata(tmp_path / ".metadata") == found


def test_what_torch_refuses_is_named():
    refused = pickle.UnpicklingError(
        "Weights only load failed.\nUnsupported global: GLOBAL posix.system was not allowed"
    )
    assert "`posix.system`" in explain_unreadable(refused)
    assert "more than tensors" in explain_unreadable(pickle.UnpicklingError("Weights only load failed. In PyTorch 2.6"))
