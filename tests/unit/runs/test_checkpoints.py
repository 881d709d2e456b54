"""Which checkpoints are whole: every way in which a kill, a full disk or a copy can leave half of one."""

import pytest

from qwen_recipes.runs.checkpoints import find_last_intact, find_safetensors_damage, list_checkpoints
from qwen_recipes.runs.trainer_logs import find_newest_checkpoint
from tests.unit.runs.stand_ins import checkpoint, cut, saved

HARM = {
    "incomplete: trainer_state.json is missing": lambda f: (f / "trainer_state.json").unlink(),
    "trainer_state.json is unreadable": lambda f: cut(f / "trainer_state.json"),
    "trainer_state.json is for a step other than 20": lambda f: (f / "trainer_state.json").write_text(
        '{"global_step": 10}'
    ),
    "the weights are missing": lambda f: (f / "adapter_model.safetensors").unlink(),
    "adapter_model.safetensors is truncated": lambda f: cut(f / "adapter_model.safetensors"),
    "adapter_model.safetensors is not a safetensors file": lambda f: (f / "adapter_model.safetensors").write_bytes(
        bytes(9)
    ),
    "the optimizer state is missing": lambda f: (f / "optimizer.pt").unlink(),
    "optimizer.pt is truncated": lambda f: cut(f / "optimizer.pt", 60),
    "scheduler.pt is missing": lambda f: (f / "scheduler.pt").unlink(),
    "rng_state.pth is truncated": lambda f: (f / "rng_state.pth").write_bytes(b""),
    "model-00002-of-00002.safetensors is missing": lambda f: (f / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}'
    ),
}


@pytest.mark.parametrize("said", HARM)
def test_damaged(tmp_path, said):
    checkpoint(tmp_path, 10)
    HARM[said](checkpoint(tmp_path, 20))
    good, damaged = find_last_intact(tmp_path)
    assert good.step == 10 and good.damage is None
    assert [one.step for one in damaged] == [20] and damaged[0].damage.startswith(said)


def test_whole(tmp_path):
    for step in (5, 100, 20):
        checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-best").mkdir()
    assert [(one.step, one.damage) for one in list_checkpoints(tmp_path)] == [(5, None), (20, None), (100, None)]
    assert find_last_intact(tmp_path)[0].step == 100 and find_last_intact(tmp_path / "none") == (None, [])


def test_deepspeed_and_fsdp_keep_the_optimizer_elsewhere(tmp_path):
    for step, name in ((1, "global_step1/zero_pp_rank_0_optim_states.pt"), (2, "optimizer.bin"), (3, "optimizer_0/x")):
        folder = checkpoint(tmp_path, step)
        (folder / "optimizer.pt").unlink()
        (folder / name).parent.mkdir(exist_ok=True)
        saved(folder / name)
    assert [one.damage for one in list_checkpoints(tmp_path)] == [None, None, None]


@pytest.mark.parametrize("name", ["\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 200, "1_0", "-1", ""])
def test_names_that_are_no_step(tmp_path, name):
    (tmp_path / f"checkpoint-{name}").mkdir()
    assert list_checkpoints(tmp_path) == [] and find_newest_checkpoint(tmp_path) is None
    checkpoint(tmp_path, 7)
    assert [one.step for one in list_checkpoints(tmp_path)] == [7]
    assert find_newest_checkpoint(tmp_path) == tmp_path / "checkpoint-7"


@pytest.mark.parametrize("header", [b"[" * 50_000, b'{"a":' * 50_000, b'{"a": {"data_offsets": [0, NaN]}}'])
def test_a_header_that_lies(tmp_path, header):
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header)
    assert find_safetensors_damage(file) in ("unreadable", f"truncated ({len(header) + 8} of nan bytes)")


def test_an_empty_file_is_torn(tmp_path):
    (tmp_path / "model.safetensors").touch()
    assert find_safetensors_damage(tmp_path / "model.safetensors") == "truncated"
    assert find_safetensors_damage(tmp_path / "none.safetensors") == "unreadable"
