"""What is suggested for a native key that the framework does not read."""

from __future__ import annotations

from qwen_recipes.guards.native.lint_native import lint_native

LLAMA_FACTORY = "stage: sft\ndo_train: true\nmodel_name_or_path: Qwen/Qwen3-4B\ntemplate: qwen3\n"


def test_a_key_of_another_framework_whose_own_key_is_set_is_to_be_removed():
    text = LLAMA_FACTORY + ("cutoff_len: 9\nmax_seq_length: 9\nlr: 1.0e-4\n")
    found = {one.route[0]: one.suggestion for one in lint_native(text, "x.yaml") if one.code == "QR702"}
    assert found == {
        "max_seq_length": "remove `max_seq_length`: `cutoff_len` is set",
        "lr": "did you mean `learning_rate`?",
    }


def test_a_key_that_another_command_reads_is_no_slip():
    text = "swift sft --model Qwen/Qwen3-4B --dataset a.jsonl --rlhf_type dpo\n"
    (found,) = [one for one in lint_native(text, "x.sh") if one.code == "QR702"]
    assert found.suggestion == "`rlhf` reads it; remove it here"
