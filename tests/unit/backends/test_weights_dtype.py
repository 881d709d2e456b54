"""`training.weights_dtype`: what each framework is told, where a plugin casts, what is refused, what the plugins do."""

from __future__ import annotations

import json
import runpy
import sys
from types import ModuleType, SimpleNamespace

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from tests.conftest import BACKENDS, ROOT, deep_merge

GPU = {"hardware": {"gpu": "h100", "gpus": 1, "strategy": "single"}}
PAIRS = {"objective": "dpo", "data": {"train": {"path": "rows.jsonl", "format": "preference"}}}
BFLOAT16 = {"training": {"weights_dtype": "bfloat16"}, "allow": {"QR423": "to see"}}
FREEZE = {"method": {"type": "freeze", "layers": 2}}


@pytest.fixture
def compiled(loaded, tmp_path):
    return lambda recipe, backend: (
        compile_recipe(loaded(deep_merge(GPU, recipe)), load_backend(backend), tmp_path / "out").files
    )


def read_cast(files, backend):
    """The dtype that the plugin is told to cast to; None where there is no plugin, file and name alike."""
    told = yaml.safe_load(files["train.yaml"])
    names = told.get("plugins", []) if backend == "axolotl" else told.get("callbacks", [])
    casts = [name.lower().replace("weights_dtype.", "").replace("_", "") for name in names if "eights" in name]
    assert ("weights_dtype.py" in files) == bool(casts)
    return casts[0].removesuffix("weights") if casts else None


CASTS = [
    ({"method": "full"}, "float32", "float32"),
    (FREEZE, "float32", "float32"),
    ({"method": "lora"}, None, None),
    ({"method": "dora"}, None, None),
    ({"method": "qlora"}, None, None),
    ({"method": "qlora", **PAIRS}, "float32", "float32"),
    ({"method": "lora", **PAIRS}, None, None),
    ({"method": "lora", **PAIRS, "objective": "reward"}, "float32", "float32"),
    ({"method": {"type": "lora", "modules_to_save": ["embed_tokens", "lm_head"]}}, "float32", "float32"),
    ({"method": "full", "hardware": {"gpus": 2, "strategy": "ddp"}}, "float32", "float32"),
    ({"method": "full", "hardware": {"gpus": 2, "strategy": "fsdp"}}, "float32", None),
    ({"method": "full", "hardware": {"gpus": 2, "strategy": "zero2"}}, None, None),
    ({"method": "full", "hardware": {"gpus": 2, "strategy": "zero3"}}, None, None),
    ({"method": "full", "training": {"precision": "fp32"}}, None, None),
    ({"method": "full", **BFLOAT16}, "bfloat16", None),
    ({"method": "lora", **BFLOAT16}, "bfloat16", "bfloat16"),
    ({"method": "qlora", **PAIRS, **BFLOAT16}, "bfloat16", "bfloat16"),
]
"""Recipe, and what the plugins of Axolotl and ms-swift cast to."""


@pytest.mark.parametrize(("recipe", "axolotl", "swift"), CASTS, ids=lambda value: json.dumps(value)[:70])
def test_a_plugin_casts_what_the_framework_would_hold_otherwise(compiled, recipe, axolotl, swift):
    for backend, cast in (("axolotl", axolotl), ("ms-swift", swift)):
        files = compiled(recipe, backend)
        assert read_cast(files, backend) == cast
        assert backend == "ms-swift" or ("export PYTHONPATH" in files["run.sh"]) == (
            bool(cast) or bool({"axolotl_preferences.py", "trainer_plugin.py"} & set(files))
        )


@pytest.mark.parametrize(
    ("recipe", "cast"),
    [
        ({"method": "lora"}, None),
        ({"method": "qlora"}, "float32"),
        ({"method": "lora", **BFLOAT16}, "bfloat16"),
        ({"method": "qlora", **BFLOAT16}, "bfloat16"),
        ({"method": "full", **BFLOAT16}, None),
    ],
    ids=lambda value: json.dumps(value)[:70],
)
def test_trl_casts_where_its_own_keys_do_not(compiled, recipe, cast):
    command = compiled(recipe, "trl")["run.sh"].splitlines()[-1]
    assert (f"--weights_dtype {cast} " in command) if cast else ("--weights_dtype" not in command)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_header_names_the_dtype(compiled, backend, dtype):
    files = compiled({"method": "full", **BFLOAT16, "training": {"weights_dtype": dtype}}, backend)
    assert f"# trained weights are held in {dtype}\n" in files["train.yaml"]


def test_llamafactory_has_a_key_for_it(compiled):
    told = [
        yaml.safe_load(compiled(recipe, "llamafactory")["train.yaml"])
        for recipe in ({"method": "full"}, {"method": "full", **BFLOAT16})
    ]
    assert [one["pure_bf16"] for one in told] == [False, True]


REFUSED = [
    (BACKENDS, {"method": "full", "hardware": {"gpus": 2, "strategy": "zero2"}}, "DeepSpeed and Megatron"),
    (BACKENDS, {"method": "full", "hardware": {"gpus": 2, "strategy": "fsdp"}}, "FSDP"),
    (BACKENDS, {"method": "full", "training": {"precision": "fp32"}}, "precision: bf16"),
    (["llamafactory"], {"method": "qlora"}, "adapters are always held in float32"),
]


@pytest.mark.parametrize(("backends", "recipe", "why"), REFUSED, ids=lambda value: str(value)[:40])
def test_bfloat16_is_refused_where_float32_would_be_trained(compiled, problems, backends, recipe, why):
    for backend in backends:
        found = [f for f in problems(compiled, deep_merge(BFLOAT16, recipe), backend) if f.code == "backend"]
        assert [f.route for f in found] == [("training", "weights_dtype")] and why in found[0].why


def test_a_refusal_names_who_can(compiled, problems):
    found = problems(compiled, {"method": "lora", **BFLOAT16}, "llamafactory")
    assert any(f.suggestion == "Axolotl, ms-swift and TRL support it" for f in found)


def test_an_unknown_dtype_is_an_error_with_its_line(loaded, problems):
    found = problems(loaded, {"training": {"weights_dtype": "float16"}})
    assert found[0].span.line == 6 and "did you mean `bfloat16`" in found[0].suggestion


class FakeWeight:
    """A tensor as far as the plugins look at one."""

    def __init__(self, dtype, trained):
        self.dtype, self.requires_grad = dtype, trained

    @property
    def data(self):
        return self

    @data.setter
    def data(self, other):
        self.dtype = other

    def to(self, dtype):
        return dtype


def run_plugin(monkeypatch, backend, modules):
    for name, held in {"torch": {"float32": "float32", "bfloat16": "bfloat16"}, **modules}.items():
        module = ModuleType(name)
        vars(module).update(held)
        monkeypatch.setitem(sys.modules, name, module)
    return runpy.run_path(str(ROOT / "qwen_recipes" / "backends" / backend / "weights_dtype_plugin.py"))


@pytest.mark.parametrize(("name", "dtype"), [("Float32Weights", "float32"), ("BFloat16Weights", "bfloat16")])
@pytest.mark.parametrize("backend", ["axolotl", "ms_swift"])
def test_a_plugin_casts_all_that_is_trained_and_nothing_else(monkeypatch, backend, name, dtype):
    weights = [FakeWeight("bfloat16", True), FakeWeight("float32", True), FakeWeight("uint8", False)]
    model = SimpleNamespace(parameters=lambda: weights)
    if backend == "axolotl":
        modules = {"axolotl": {}, "axolotl.integrations": {}, "axolotl.integrations.base": {"BasePlugin": object}}
        run_plugin(monkeypatch, backend, modules)[name]().post_trainer_create({}, SimpleNamespace(model=model))
    else:
        names = {}
        modules = {
            "swift": {},
            "swift.callbacks": {"callbacks_map": names},
            "transformers": {"TrainerCallback": object},
        }
        run_plugin(monkeypatch, backend, modules)
        names[f"{dtype}_weights"]("arguments", "trainer").on_init_end(None, None, None, model=model)
    assert [weight.dtype for weight in weights] == [dtype, dtype, "uint8"]
