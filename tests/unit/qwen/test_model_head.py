"""Which head a checkpoint has: by the names of its weights where they are here, else by its class."""

from __future__ import annotations

import json
import os

import pytest

from qwen_recipes.qwen.model_head import guess_head, list_weight_names, read_head

BODY = ("model.embed_tokens.weight", "model.norm.weight")


def write_weights(folder, names):
    header = json.dumps({"__metadata__": {}, **{name: {"dtype": "F32"} for name in names}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    ("saved_as", "names", "tied", "lm_head", "labels"),
    [
        ("Qwen3ForCausalLM", (*BODY, "lm_head.weight"), False, True, 0),
        ("Qwen3ForCausalLM", BODY, False, False, 0),
        ("Qwen3ForCausalLM", BODY, True, True, 0),
        ("Qwen3ForCausalLM", (), False, True, 0),
        ("Qwen3ForCausalLM", ("one.weight",), False, True, 0),
        ("Qwen3MoeForCausalLM", (), False, True, 0),
        ("Qwen3ForSequenceClassification", (*BODY, "score.weight"), False, False, 2),
        ("Qwen3MoeForSequenceClassification", (), False, False, 2),
        ("Qwen3ForTokenClassification", (), True, True, 2),
        ("Qwen3ForGuardModel", (), False, False, 2),
        ("Qwen3ForQuestionAnswering", (), False, False, 0),
        ("Qwen3Model", (), False, False, 0),
        ("Qwen3MoeModel", (), True, True, 0),
        ("Qwen3Model", (*BODY, "lm_head.weight"), False, True, 0),
    ],
)
def test_the_head(tmp_path, saved_as, names, tied, lm_head, labels):
    if names:
        write_weights(tmp_path, names)
    head = read_head({"architectures": [saved_as]}, tmp_path, tied=tied)
    assert (head.saved_as, head.lm_head, head.labels) == (saved_as, lm_head, labels)


@pytest.mark.parametrize("config", [{}, {"architectures": None}, {"architectures": []}, {"architectures": [3]}])
def test_a_config_without_a_class(tmp_path, config):
    assert read_head(config, tmp_path, tied=False).lm_head


@pytest.mark.parametrize("content", [b"", b"xx", b"\xff" * 90, b"\x02\0\0\0\0\0\0\0[]", b"\x09\0\0\0\0\0\0\0{nope"])
def test_weights_that_cannot_be_read_tell_nothing(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    assert read_head({"architectures": ["Qwen3ForCausalLM"]}, tmp_path, tied=False).lm_head


def test_outputs_of_a_classifier(tmp_path):
    config = {"architectures": ["Qwen3ForSequenceClassification"]}
    stated = [{"id2label": {"0": "a"}}, {"num_labels": 1}, {"id2label": {"0": "a", "1": "b", "2": "c"}}, {}]
    assert [read_head({**config, **one}, tmp_path, tied=False).labels for one in stated] == [1, 1, 3, 2]


def test_names():
    headless = ("Qwen/Qwen3-Embedding-8B", "me/qwen3-8b-embedding", "Qwen3-Embedding-4B-bf16")
    assert [guess_head(name, tied=False).lm_head for name in headless] == [False] * 3
    assert guess_head("Qwen/Qwen3Guard-Stream-8B", tied=False).labels == 2
    assert not any(guess_head(name, tied=False) for name in ("Qwen/Qwen3-Reranker-8B", "Qwen/Qwen3Guard-Gen-8B", "a/b"))


def test_a_pipe_in_place_of_the_weights_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    assert list_weight_names(tmp_path) == set()


@pytest.mark.parametrize("index", ["[]", "{}", '{"weight_map": 5}', "[" * 9999])
def test_an_index_of_another_shape_names_no_weights(tmp_path, index):
    (tmp_path / "model.safetensors.index.json").write_text(index, "utf-8")
    assert list_weight_names(tmp_path) == set()
