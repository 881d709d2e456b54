"""Merged models against base and adapter in PEFT, and weighted merges against what they claim, on tiny models."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.ci_sample import list_parameters

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("merge_program.py")
ALONE = (
    *("lora", "dora", "rslora-patterns", "pissa", "embeddings", "head", "embeddings-and-head", "lora-on-head"),
    "experts",
)


@pytest.fixture(scope="module", params=list_parameters(["trl", "llamafactory"], "trl"))
def found(
    request: pytest.FixtureRequest, interpreter: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the program found in one framework's environment."""
    export = ROOT / "qwen_recipes" / "export"
    command = [interpreter(request.param), PROGRAM, export, tmp_path_factory.mktemp("merged")]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.mark.parametrize("name", ALONE)
def test_a_merged_model_is_base_and_adapter(found: dict[str, Any], name: str) -> None:
    assert found[name]["difference"] < 2e-5, found[name]


def test_embeddings_and_head_are_untied_only_where_they_differ(found: dict[str, Any]) -> None:
    untied = {name for name in ALONE if found[name]["report"]["untied"]}
    assert untied == {"embeddings", "head", "embeddings-and-head", "lora-on-head"}


def test_the_model_is_written_in_shards(found: dict[str, Any]) -> None:
    assert found["lora"]["report"]["shards"] > 3


def test_a_merge_needs_less_memory_than_the_model(found: dict[str, Any]) -> None:
    """Of 629 MB in shards of 60 MB, 422 MB were seen: a shard twice, a weight in 32 bits, and pages of the base."""
    large, small = found["memory"]["large"], found["memory"]["small"]
    assert large["bytes"] > 600e6 and large["shards"] > 10
    assert large["peak_bytes"] - small["peak_bytes"] < 560e6


def test_cat_is_exact_and_the_others_say_what_they_lose(found: dict[str, Any]) -> None:
    weighted = found["weighted"]
    assert weighted["model"] < 2e-5 and weighted["adapter"] < 2e-5
    assert set(weighted["unequal"]) == {"cat", "svd"}
    losses = {method: one["error"] for method, one in weighted["equal"].items()}
    assert losses["cat"] < 1e-6 < 0.05 < losses["svd"] < losses["linear"]
    assert all(losses[method] > losses["svd"] for method in ("ties", "dare_linear", "dare_ties"))


def test_losses_are_those_of_peft(found: dict[str, Any]) -> None:
    """PEFT 0.18.1 multiplies with alpha / rank twice under `svd`, 0.21.2 once: with 2, all is lost."""
    theirs = dict(found["weighted"]["peft"])
    if found["weighted"]["peft_version"] == "0.18.1":
        assert theirs.pop("svd") > 0.9
    for method, loss in theirs.items():
        assert found["weighted"]["equal"][method]["error"] == pytest.approx(loss, abs=1e-4), method


def test_shards_of_fsdp_are_gathered(found: dict[str, Any]) -> None:
    assert found["sharded"]["difference"] < 2e-5, found["sharded"]


def test_after_qlora_the_dequantized_base_is_what_was_trained(found: dict[str, Any]) -> None:
    """The kernel of 4-bit layers on the CPU computes in 16 bits: about 0.003 in the logits, against 0.08."""
    assert 10 * found["dequantized"]["dequantized"] < found["dequantized"]["base"], found["dequantized"]


def test_losses_tell_the_two_merges_after_qlora_apart(found: dict[str, Any]) -> None:
    losses = found["losses"]
    assert losses["base"]["merged"] == pytest.approx(losses["expected"], abs=1e-4)
    assert losses["base"]["tokens"] == 98 and losses["base"]["examples"] == 2
    lost = {name: abs(losses[name]["merged"] - losses[name]["trained"]) for name in ("base", "dequantized")}
    assert 5 * lost["dequantized"] < lost["base"], losses


def test_what_cannot_be_merged_says_why(found: dict[str, Any]) -> None:
    said = found["refused"]
    assert "DoRA" in said["dora"] and "one adapter after another" in said["dora"]
    assert "whole weights (lm_head.weight)" in said["whole"]
    assert "equal ranks, not 8 and 4" in said["ranks"]
    assert "the base has no weights for" in said["foreign"]
    assert "no adapter_model.safetensors" in said["no-weights"]
    assert "is empty, as ZeRO-3 leaves weights" in said["empty"]
