"""Models on the hub: the real client against a hub on loopback, and the cache that it leaves."""

import json
import os
import subprocess
import sys

import pytest

from qwen_recipes.qwen.hub_cache import find_snapshot, get_hub_cache
from qwen_recipes.qwen.models import ModelName, UnknownModelError, get_model_facts
from qwen_recipes.qwen.placeholder_model import write_placeholder_model
from tests.hub.server import serve_hub

CONFIG = {
    "model_type": "qwen3", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 128, "vocab_size": 1000,
    "max_position_embeddings": 512, "tie_word_embeddings": True, "eos_token_id": 151645,
}  # fmt: skip
COMMIT, OTHER = "a" * 40, "b" * 40


def cache_model(cache, repo, commit=COMMIT, ref="main", config=CONFIG):
    place = cache / f"models--{repo.replace('/', '--')}"
    (place / "snapshots" / commit).mkdir(parents=True)
    (place / "snapshots" / commit / "config.json").write_text(json.dumps(config))
    if ref:
        file = place / "refs" / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit)


def test_a_cached_model_is_known_at_its_commit(empty_hub_cache):
    cache_model(empty_hub_cache, "me/bot")
    facts = get_model_facts("me/bot")
    assert (facts.origin, facts.revision, facts.layers, facts.local) == ("cache", COMMIT, 2, False)


def test_revisions_are_branches_tags_and_commits(empty_hub_cache):
    cache_model(empty_hub_cache, "me/bot")
    cache_model(empty_hub_cache, "me/bot", OTHER, "refs-of/pr")
    found = {name: find_snapshot("me/bot", name) for name in ("main", "refs-of/pr", "bbbbbbb", OTHER, "c" * 40, "v1")}
    commits = {name: one.commit if one else None for name, one in found.items()}
    assert commits == {"main": COMMIT, "refs-of/pr": OTHER, "bbbbbbb": OTHER, OTHER: OTHER, "c" * 40: None, "v1": None}
    with pytest.raises(UnknownModelError, match="at revision v1"):
        get_model_facts(ModelName("me/bot", "v1"))


@pytest.mark.parametrize("name", ["../../etc", "me/..", ".hidden/x", "a/b/c", "me/bot\0", "me/" + "x" * 200, "-x/y"])
def test_nothing_outside_the_cache_is_looked_at(empty_hub_cache, name):
    assert find_snapshot(name) is None
    cache_model(empty_hub_cache, "me/bot")
    assert find_snapshot("me/bot", "../../../etc/passwd") is None


def test_the_cache_is_where_the_client_has_it(monkeypatch, tmp_path):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, end in (("XDG_CACHE_HOME", "huggingface/hub"), ("HF_HOME", "hub"), ("HF_HUB_CACHE", "")):
        monkeypatch.setenv(name, str(tmp_path / name))
        code = "from huggingface_hub.constants import HF_HUB_CACHE as c; print(c)"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        assert str(get_hub_cache()) == told == str(tmp_path / name / end)


def test_like_stands_in_for_what_is_not_here_and_yields_to_the_model_s_own_files(empty_hub_cache):
    named = ModelName("me/bot", like="Qwen/Qwen3-8B")
    facts = get_model_facts(named)
    assert (facts.id, facts.origin, facts.variant, facts.layers) == ("me/bot", "like", "hybrid", 36)
    assert facts.revision is None
    cache_model(empty_hub_cache, "me/bot")
    assert (get_model_facts(named).origin, get_model_facts(named).layers) == ("cache", 2)
    with pytest.raises(UnknownModelError, match="'me/unknown' is neither"):
        get_model_facts(ModelName("you/bot", like="me/unknown"))


def test_what_an_earlier_run_will_write_is_planned_from_its_base(tmp_path, empty_hub_cache):
    (tmp_path / "sft.yaml").write_text(
        "version: 1\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\nmethod: full\noutput: {dir: runs/sft}\n"
    )
    facts = get_model_facts("runs/sft", tmp_path)
    assert (facts.id, facts.origin, facts.local, facts.hidden_size) == ("runs/sft", "run", True, 1024)
    (tmp_path / "sft.yaml").unlink()
    with pytest.raises(UnknownModelError):
        get_model_facts("runs/sft", tmp_path)


def test_an_adapter_that_an_earlier_run_will_write_is_no_model(tmp_path, empty_hub_cache):
    (tmp_path / "sft.yaml").write_text("version: 1\nname: sft\nmodel: Qwen/Qwen3-0.6B\ndata: {train: rows.jsonl}\n")
    with pytest.raises(ValueError, match=r"will write an adapter .* model: Qwen/Qwen3-0.6B with method.start_from"):
        get_model_facts("runs/sft", tmp_path)


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    file = tmp_path / "r.yaml"
    file.write_text("version: 1\nmodel: me/bot\ndata: {train: rows.jsonl}\nrun: {backend: axolotl}\n")
    return file


@pytest.fixture
def hub(tmp_path):
    write_placeholder_model(get_model_facts("Qwen/Qwen3-4B-Instruct-2507"), tmp_path / "hub/models/me/bot")
    with serve_hub(tmp_path / "hub") as served:
        yield served


def run_recipes(hub, cache, *arguments, **variables):
    named = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-m", "qwen_recipes", *map(str, arguments)]
    return subprocess.run(command, env={**os.environ, **named, **variables}, capture_output=True, text=True)


def test_a_model_of_the_hub_is_locked_at_its_commit_and_compiled_there(hub, recipe, empty_hub_cache, tmp_path):
    assert run_recipes(hub, empty_hub_cache, "lint", recipe).returncode == 1 and not hub.requests
    locked = run_recipes(hub, empty_hub_cache, "lock", recipe)
    assert locked.returncode == 0, locked.stderr
    commit = hub.find("models", "me/bot").commit
    lock = json.loads(recipe.with_suffix(".lock").read_text())
    assert lock["model"]["revision"] == commit and len(lock["chat"]["tokenizer.json"]) == 64
    hub.requests.clear()
    made = run_recipes(hub, empty_hub_cache, "compile", recipe, "--locked", "-o", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    assert f'revision_of_model: "{commit}"' in (tmp_path / "out/axolotl/train.yaml").read_text()
    assert run_recipes(hub, empty_hub_cache, "lint", recipe).returncode == 0 and not hub.requests


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"private": {"me/bot"}}, "the hub has no public model me/bot; check the id, or log in"),
        ({"gated": {"me/bot"}}, "me/bot is gated; accept its license"),
        ({"offline": "1"}, "me/bot is not in the local cache; unset HF_HUB_OFFLINE"),
        ({"revision": "v9"}, "me/bot has no revision v9"),
    ],
)
def test_what_the_hub_refuses_is_a_clear_error(hub, recipe, empty_hub_cache, change, told):
    hub.private, hub.gated = change.get("private", set()), change.get("gated", set())
    sets = ["--set", f"model.revision={change['revision']}"] if "revision" in change else []
    variables = {"HF_HUB_OFFLINE": "1"} if "offline" in change else {}
    made = run_recipes(hub, empty_hub_cache, "plan", recipe, "--gpu", "h100", *sets, **variables)
    assert made.returncode == 2 and told in made.stderr and "Traceback" not in made.stderr


def test_a_token_opens_a_private_model_and_stands_in_no_record(hub, recipe, empty_hub_cache, tmp_path):
    hub.private = {"me/bot"}
    made = run_recipes(hub, empty_hub_cache, "lock", recipe, HF_TOKEN=hub.token)
    assert made.returncode == 0, made.stderr
    written = [file for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_size < 10_000_000]
    assert not any(hub.token.encode() in file.read_bytes() for file in written)
    assert hub.token not in made.stdout + made.stderr


@pytest.fixture
def adapter_recipe(tmp_path):
    """A recipe that continues `me/adapter` of the hub below tmp_path."""
    folder = tmp_path / "hub/models/me/adapter"
    folder.mkdir(parents=True)
    told = {"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-4B", "r": 8, "lora_alpha": 16,
            "target_modules": ["q_proj", "v_proj"]}  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(told))
    (tmp_path / "rows.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    file = tmp_path / "a.yaml"
    file.write_text(
        "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"
        "method: {type: lora, start_from: me/adapter}\nrun: {backend: llamafactory}\n"
    )
    return file


def test_an_adapter_of_the_hub_is_read_once_the_network_may_be_used(hub, adapter_recipe, empty_hub_cache, tmp_path):
    first = run_recipes(hub, empty_hub_cache, "lint", adapter_recipe)
    assert first.returncode == 0 and "QR215" in first.stdout and not hub.requests
    locked = run_recipes(hub, empty_hub_cache, "lock", adapter_recipe)
    assert locked.returncode == 0 and "me/adapter is read at commit" in locked.stderr
    assert run_recipes(hub, empty_hub_cache, "lint", adapter_recipe).stdout == ""
    made = run_recipes(hub, empty_hub_cache, "compile", adapter_recipe, "--locked", "-o", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    train, start = (tmp_path / "out/llamafactory" / name for name in ("train.yaml", "run.sh"))
    assert "adapter_name_or_path: me/adapter" in train.read_text() and "lora_rank: 8" in train.read_text()
    assert 'adapter_name_or_path="$adapter"' in start.read_text()
    wrong = run_recipes(hub, empty_hub_cache, "lint", adapter_recipe, "--set", "method.rank=32")
    assert wrong.returncode == 1 and "the adapter in me/adapter has 8" in wrong.stdout
    wrong = run_recipes(hub, empty_hub_cache, "lint", adapter_recipe, "--set", "model=Qwen/Qwen3-8B")
    assert wrong.returncode == 1 and "QR216" in wrong.stdout


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("me/none", "the hub has no public adapter me/none; check the id"),
        ("me/bot", "me/bot has no adapter_config.json: it is not an adapter"),
        ("me/gated", "me/gated is gated; accept its license"),
    ],
)
def test_an_adapter_that_is_not_on_the_hub_exits_2(hub, adapter_recipe, empty_hub_cache, start, told):
    (hub.root / "models/me/gated").mkdir()
    hub.gated = {"me/gated"}
    words = ["plan", adapter_recipe, "--gpu", "h100", "--set", f"method.start_from={start}"]
    made = run_recipes(hub, empty_hub_cache, *words)
    assert (made.returncode, told in made.stderr) == (2, True), made.stderr
