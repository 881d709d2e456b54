"""A continued adapter: what the recipe leaves open is as saved, what contradicts is an error at its line."""

from __future__ import annotations

import json

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.resolve import resolve
from tests.conftest import BACKENDS

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SAVED = {"peft_type": "LORA", "r": 8, "lora_alpha": 16.0, "lora_dropout": 0.1, "target_modules": LINEAR}


@pytest.fixture
def save_adapter(tmp_path):
    """Write an adapter's folder beside the recipe."""

    def save(changes=None, weights="adapter_model.safetensors", name="sft"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if weights:
            (folder / weights).write_bytes(b"")
        if changes is not None:
            (folder / "adapter_config.json").write_text(
                changes if isinstance(changes, str) else json.dumps({**SAVED, **changes}), "utf-8"
            )
        return folder

    return save


@pytest.fixture
def plan(loaded):
    return lambda method, **more: resolve(
        loaded({"method": {"type": "lora", "start_from": "sft", **method}, **more}), load_backend("axolotl")
    )


@pytest.fixture
def refused(loaded, problems):
    def of(method):
        recipe = loaded({"method": {"type": "lora", "start_from": "sft", **method}})
        return problems(resolve, recipe, load_backend("axolotl"))

    return of


def test_what_is_open_is_taken_over_with_its_reason(plan, save_adapter):
    save_adapter({"use_rslora": True, "use_dora": True, "modules_to_save": ["embed_tokens", "lm_head"]})
    made = plan({})
    m = made.method
    assert (m.rank, m.alpha, m.dropout, m.rslora, m.variant) == (8, 16, 0.1, True, "dora")
    assert m.targets == tuple(LINEAR)
    assert m.modules_to_save == ("embed_tokens", "lm_head")
    assert made.reasons["method.rank"].text == "as saved in sft"
    assert made.reasons["method.rank"].fields == ("method.start_from",)


def test_what_agrees_is_the_recipes(plan, save_adapter):
    save_adapter({})
    made = plan({"rank": 8, "alpha": 16, "dropout": 0.1, "targets": "all-linear", "rslora": False, "variant": "plain"})
    assert made.reasons["method.rank"].text == "set in the recipe"


@pytest.mark.parametrize(
    ("method", "saved", "field", "says"),
    [
        ({"rank": 4}, {}, "rank", "is 4, but the adapter in sft has 8"),
        ({"alpha": 4}, {}, "alpha", "has 16"),
        ({"dropout": 0.0}, {}, "dropout", "is 0, but the adapter in sft has 0.1"),
        ({"targets": "all-linear"}, {"target_modules": ["q_proj"]}, "targets", "has [q_proj]"),
        ({"targets": ["q_proj"]}, {}, "targets", "is [q_proj]"),
        ({"rslora": True}, {}, "rslora", "is true, but the adapter in sft has false"),
        ({"rslora": False}, {"use_rslora": True}, "rslora", "has true"),
        ({"variant": "plain"}, {"use_dora": True}, "variant", "has dora"),
        ({"type": "dora"}, {}, "type", "has lora"),
        ({"modules_to_save": ["embed_tokens"]}, {}, "modules_to_save", "has []"),
        ({"layers": 2}, {}, "layers", "is 2, but the adapter in sft has 36"),
        ({"layers": 2}, {"layers_to_transform": [33, 34, 35]}, "layers", "has 3"),
    ],
)
def test_a_contradiction_is_an_error_at_its_line(refused, save_adapter, method, saved, field, says):
    save_adapter(saved)
    (finding,) = refused(method)
    assert finding.route == ("method", field)
    assert says in finding.message
    assert finding.span.line > 0
    assert finding.line.strip()
    assert finding.why


def test_all_contradictions_are_reported_at_once(refused, save_adapter):
    save_adapter({})
    assert {f.route[1] for f in refused({"rank": 4, "alpha": 4, "rslora": True})} == {"rank", "alpha", "rslora"}


@pytest.mark.parametrize(
    ("config", "weights", "says"),
    [
        (None, "adapter_model.safetensors", "has no adapter_config.json"),
        ({}, "", "has no adapter_model.safetensors"),
        ("{", "adapter_model.safetensors", "is not a JSON object"),
        ("[" * 5000, "adapter_model.safetensors", "is not a JSON object"),
        ("[]", "adapter_model.safetensors", "is not a JSON object"),
        ({"peft_type": "IA3"}, "adapter_model.safetensors", "IA3"),
        ({"r": "8"}, "adapter_model.safetensors", "invalid value for `r`"),
        ({"r": True}, "adapter_model.safetensors", "invalid value for `r`"),
        ({"target_modules": [1]}, "adapter_model.safetensors", "`target_modules` is not a list"),
    ],
)
def test_a_folder_without_a_readable_adapter_is_an_error_at_its_line(refused, save_adapter, config, weights, says):
    save_adapter(config, weights)
    (finding,) = refused({})
    assert finding.route == ("method", "start_from")
    assert says in finding.message
    assert "start_from" in finding.line


def test_a_file_in_place_of_the_folder_is_an_error(refused, tmp_path):
    (tmp_path / "sft").write_text("", "utf-8")
    assert "has no adapter_config.json" in refused({})[0].message


def test_a_checkpoint_below_the_folder_is_suggested(refused, save_adapter, tmp_path):
    save_adapter(None, "")
    save_adapter({}, name="sft/checkpoint-9")
    save_adapter({}, name="sft/checkpoint-40")
    assert "checkpoint-40" in refused({})[0].suggestion


def test_only_the_last_layers(plan, save_adapter):
    save_adapter({"layers_to_transform": [34, 35]})
    assert plan({}).method.layer_numbers == (34, 35)
    save_adapter({"target_modules": r"model\.layers\.(34|35)\.(self_attn|mlp)\.(q_proj|v_proj)"})
    m = plan({}).method
    assert (m.layer_numbers, m.targets) == ((34, 35), ("q_proj", "v_proj"))


def test_a_pattern_is_not_compared(plan, save_adapter):
    save_adapter({"target_modules": ".*(a+)+$"})
    assert plan({"targets": ["q_proj"]}).method.targets == ("q_proj",)


def test_a_folder_that_is_not_there_yet_breaks_nothing(plan):
    assert plan({"rank": 4}).method.rank == 4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("changes", [{"r": 4}, {"base_model_name_or_path": "Qwen/Qwen3-8B"}, None])
def test_nothing_is_compiled(loaded, problems, save_adapter, tmp_path, backend, changes):
    save_adapter(changes)
    recipe = loaded({"model": "Qwen/Qwen3-4B", "method": {"type": "lora", "rank": 8, "start_from": "sft"}})
    found = problems(compile_recipe, recipe, load_backend(backend), tmp_path / "out")
    assert any(f.severity == "error" and f.span.line for f in found)


@pytest.mark.parametrize(
    ("saved", "says"),
    [
        ({"target_modules": ["q_proj", "c_attn"]}, "`c_attn`"),
        ({"layers_to_transform": [1, 99]}, "layer 99"),
    ],
)
def test_an_adapter_on_modules_that_the_model_lacks_is_an_error(refused, save_adapter, saved, says):
    save_adapter(saved)
    (found,) = refused({})
    assert found.message.startswith(f"the adapter in sft is on {says}, which ")
    assert found.route == ("method", "start_from")


@pytest.mark.parametrize(("output", "how"), [("sft", "is the source"), (".", "is a folder above the source")])
def test_an_output_at_or_above_the_adapter_is_an_error(loaded, problems, save_adapter, output, how):
    save_adapter({})
    recipe = loaded({"method": {"type": "lora", "start_from": "sft"}, "output": {"dir": output}})
    found = [one for one in problems(resolve, recipe, load_backend("axolotl")) if one.route == ("output", "dir")]
    assert how in found[0].message


def test_a_folder_has_no_revision(refused, save_adapter):
    save_adapter({})
    (found,) = refused({"start_from_revision": "v1"})
    assert (
        found.route == ("method", "start_from_revision") and found.message == "sft is a folder, which has no revision"
    )


def test_a_revision_needs_an_adapter(loaded, problems):
    (found,) = problems(loaded, {"method": {"type": "lora", "start_from_revision": "v1"}})
    assert found.route == ("method", "start_from_revision") and "needs `start_from`" in found.message
