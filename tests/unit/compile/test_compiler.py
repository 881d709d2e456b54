"""What is compiled: reproducible, read alike by every reader, and no field of a recipe lost."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import Any, get_args

import pytest
import yaml

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.compile.field_probes import FIELD_PROBES, FOUR_BITS, FULL, add_required_values, make_probe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.field_index import find_field_info, index_fields
from qwen_recipes.recipe.load import load_recipe
from tests.conftest import ALL_BACKENDS, BACKENDS, ROOT, deep_merge, nest_value

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
REFUSED = "refused"


@pytest.fixture
def compiled(loaded, tmp_path):
    """The files of a recipe for one backend."""
    return lambda recipe, backend: compile_recipe(loaded(recipe), load_backend(backend), tmp_path / "out").files


def natives(files: dict[str, str]) -> dict[str, Any]:
    """What the framework and the preparation of rows are told: parsed, comments gone."""
    told: dict[str, Any] = {}
    for name, text in files.items():
        if name.endswith(".yaml"):
            told[name] = yaml.safe_load(text)
        elif name.endswith(".json"):
            told[name] = json.loads(text)
        elif name.endswith(".sh"):
            told[name] = [line for line in text.splitlines() if line and not line.startswith("#")]
        elif name != "rows.py":
            told[name] = text
    return told


# --- no field lost: what is set, and on top of what

ONLY_ONE_VALUE = {"version": 1}
"""Fields that say what is so anyway. Give one a second value and this test wants an entry above."""
SO_ANYWAY = {
    ("quantization.storage", "llamafactory"),
    *((path, "unsloth") for path in ("training.optimizer", "training.scheduler", "chat.encoding")),
    ("training.weights_dtype", "torchtune"),
}
"""Taken, and told nothing new: LLaMA-Factory always stores 4-bit weights in the compute type; Unsloth has one optimizer
and one scheduler, and is always given ids; torchtune is always told that weights are bfloat16."""
CONTRADICTED = {(f"training.{name}", "torchtune") for name in ("save_optimizer", "keep_checkpoints")}
"""What a recipe for torchtune cannot say at all: it has to write `save_every: never`."""
TESTED_BELOW = {"run.backend", "run.environment", "allow", "backends.*.extra"}
TESTED_ELSEWHERE = {"extends", "model.like", "hardware.prefer", "stages"}
EXPANDED = "sweep."
"""Fields that make several recipes of one, and reach no plan: tests/unit/recipe/composition/test_sweeps.py."""
EXTRA = {
    "axolotl": {"lora_mlp_kernel": True},
    "llamafactory": {"plot_loss": True},
    "ms-swift": {"dataloader_pin_memory": False},
    "trl": {"dataloader_pin_memory": False},
}


def test_every_field_is_in_a_table():
    fields = {path for path in index_fields() if not path.startswith(EXPANDED)}
    assert set(FIELD_PROBES) | set(ONLY_ONE_VALUE) | TESTED_BELOW | TESTED_ELSEWHERE == fields


@pytest.mark.parametrize("path", ONLY_ONE_VALUE)
def test_fields_of_one_value_have_but_one(path):
    annotation = find_field_info(tuple(path.replace("[]", "").split("."))).annotation
    literal = next((a for a in get_args(annotation) if get_args(a)), annotation)
    assert get_args(literal) == (ONLY_ONE_VALUE[path],)


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@pytest.mark.parametrize("path", FIELD_PROBES)
def test_a_field_changes_what_the_framework_is_told_or_is_refused_by_name(compiled, path, backend):
    without, recipe = make_probe_for(backend, path)
    try:
        before = natives(compiled(without, backend))
    except RecipeError as error:
        assert all(f.code == "backend" for f in error.findings if f.severity == "error"), error.findings
        if (path, backend) == ("training.weights_dtype", "unsloth"):
            assert compiled(recipe, backend), "it trains the whole model in bfloat16 only"
            return
        with pytest.raises(RecipeError):
            compiled(recipe, backend)
        return
    try:
        after = natives(compiled(recipe, backend))
    except RecipeError as error:
        errors = [finding for finding in error.findings if finding.severity == "error"]
        assert all(f"`{path}`" in f.message or ".".join(map(str, f.route)) == path for f in errors)
        codes = ("backend", "QR", "recipe") if (path, backend) in CONTRADICTED else ("backend", "QR")
        assert errors and all(f.code.startswith(codes) and f.span.line > 0 for f in errors)
        return
    assert (after != before) != ((path, backend) in SO_ANYWAY)


CELLS = ROOT / "tests" / "cells.yaml"
"""For each field and framework the keys at which its probe changes what is told, or `refused`. Review it as code."""


def make_probe_for(backend, path):
    """The recipes without and with a field, with what the backend asks every recipe for."""
    return [add_required_values(load_backend(backend), changes) for changes in make_probe(path)]


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """`train.yaml: lora_r`: the file and the key that say something else, or the file where it has no keys."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += [f"{name}: {key}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        elif old != new:
            found.append(name)
    return found


def cell(compiled, path, backend):
    without, recipe = make_probe_for(backend, path)
    try:
        return changed_keys(natives(compiled(without, backend)), natives(compiled(recipe, backend)))
    except RecipeError:
        return "refused"


def test_every_field_changes_the_keys_that_are_named_for_it(compiled, request):
    found = {path: {backend: cell(compiled, path, backend) for backend in ALL_BACKENDS} for path in FIELD_PROBES}
    if request.config.getoption("--update"):
        CELLS.write_text(yaml.safe_dump(found, sort_keys=False, width=120), "utf-8")
    named = yaml.safe_load(CELLS.read_text("utf-8"))
    assert {p: c for p, c in found.items() if c != named.get(p)} == {}
    assert set(named) == set(found)


REFUSED_ALOUD = {
    "torchtune": (
        *("training.kernels", "training.tf32", "training.keep_checkpoints"),
        "training.save_optimizer",
    ),
    "unsloth": (
        *("training.attention", "training.kernels", "training.tf32", "training.keep_checkpoints"),
        "training.log_every",
    ),
}
"""Fields that a framework decides for itself, so that no value of them may be written."""


@pytest.mark.parametrize("backend", ALL_BACKENDS)
@pytest.mark.parametrize(
    "path", [p for p, v in FIELD_PROBES.items() if p != "name" and not p.startswith("hardware.gpu.")]
)
def test_saying_the_default_aloud_is_no_error(loaded, compiled, path, backend):
    """Who writes what would be so anyway is told the same as who leaves it out."""
    made = loaded(add_required_values(load_backend(backend), {}))
    from qwen_recipes.resolve import resolve

    plan = resolve(made, load_backend(backend))
    shown = {
        "data.train": "rows.jsonl",
        "data.train[].path": "rows.jsonl",
        "data.validation": None,
        "model.revision": None,
        "model.source": None,
        "training.steps": None,
        "training.pack_length": None,
        "training.batch_size.examples": plan.training.batch_size,
        "training.batch_size.packs": None,
        "training.warmup_ratio": plan.training.warmup.ratio,
        "training.warmup_steps": None,
        "training.decay_ratio": None,
        "training.evaluations_per_epoch": None,
        "training.saves_per_epoch": None,
        "data.train[].limit": None,
        "training.betas": [plan.training.beta1, plan.training.beta2],
        "training.kernels": "liger" if plan.training.liger else "none",
        "training.evaluate_every": None,
        "training.compile": None,
        "method.layers": None,
        "method.lora_plus": None,
        "method.modules_to_save": None,
        "method.start_from": None,
        "method.start_from_revision": None,
        **{name: None for name in FIELD_PROBES if name.startswith(("objective.", "output.hub", "data.train[]"))},
        "training.min_learning_rate": None,
        "training.min_learning_rate_ratio": None,
        **{name: None for name in FIELD_PROBES if name.startswith("training.low_rank")},
        "training.fp8": None,
        "quantization.bits": None,
        "quantization.type": None,
        "quantization.double": None,
        "quantization.storage": None,
        "quantization.experts": None,
    }
    part, _, name = path.partition(".")
    value = shown[path] if path in shown else getattr(getattr(plan, part), name)
    if value is None:
        return
    value = list(value) if isinstance(value, tuple) else value
    recipe = {"model": {"id": value}} if path == "model.id" else nest_value(path.replace("[].path", ""), value)
    base = add_required_values(load_backend(backend), {})
    if path in REFUSED_ALOUD.get(backend, ()):
        with pytest.raises(RecipeError) as refused:
            compiled(deep_merge(base, recipe), backend)
        assert any(f"`{path}`" in finding.message for finding in refused.value.findings)
        return
    assert natives(compiled(deep_merge(base, recipe), backend)) == natives(compiled(base, backend))


CHOICES = {
    "chat.train_on": {},
    "chat.thinking": {},
    "chat.encoding": {},
    "method.type": {},
    "method.variant": {},
    "quantization.bits": {},
    "quantization.type": FOUR_BITS,
    "quantization.storage": FOUR_BITS,
    "training.overlong": {},
    "training.scheduler": {},
    "training.optimizer": FULL,
    "training.precision": {"allow": {"QR401": "to see"}},
    "training.attention": {},
    "training.kernels": {},
    "hardware.strategy": deep_merge(nest_value("hardware.gpus", 2), {"allow": {"QR101": "to see"}}),
    "hardware.device": {},
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("path", CHOICES)
def test_two_choices_are_never_told_alike(compiled, path, backend):
    """Any two values of a field come out different, unless the framework refuses one of them by name."""
    annotation = find_field_info(tuple(path.split("."))).annotation
    words = [w for a in (annotation, *get_args(annotation)) for w in get_args(a) if isinstance(w, (str, int))]
    told = {}
    for word in dict.fromkeys(w for w in words if w != "auto" or path == "chat.thinking"):
        try:
            told[word] = json.dumps(
                natives(compiled(deep_merge(CHOICES[path], nest_value(path, word)), backend)), sort_keys=True
            )
        except RecipeError as error:
            assert any(f.code == "backend" or f.route == tuple(path.split(".")) for f in error.findings)
    assert len(set(told.values())) == len(told), path


@pytest.mark.parametrize("backend", BACKENDS)
def test_native_keys_are_passed_through(compiled, backend):
    (key, value), *_ = EXTRA[backend].items()
    recipe = nest_value("backends", {backend: {"extra": EXTRA[backend]}})
    assert natives(compiled({}, backend))["train.yaml"].get(key) != value
    assert natives(compiled(recipe, backend))["train.yaml"][key] == value
    other = next(name for name in BACKENDS if name != backend)
    assert natives(compiled(recipe, other)) == natives(compiled({}, other))


@pytest.mark.parametrize("environment", ["managed", "current", "/opt/venv"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_environment_is_the_launchers(loaded, backend, environment, tmp_path):
    made = compile_recipe(loaded(nest_value("run.environment", environment)), load_backend(backend), tmp_path)
    assert made.plan.run.environment == environment


def test_the_recipes_backend_is_what_the_command_line_takes(write_recipe, tmp_path):
    from click.testing import CliRunner

    from qwen_recipes.cli import main

    file = write_recipe(nest_value("run.backend", "ms-swift"))
    result = CliRunner().invoke(main, ["compile", str(file), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["ms-swift"]


@pytest.mark.parametrize("reason", ["measured here", "two\n\nlines: #1", "\u2028 odd \x85 breaks", "ünï 🦜"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_reason_stays_a_comment(compiled, backend, reason):
    recipe = deep_merge(nest_value("hardware", {"gpus": 2, "strategy": "zero3"}), nest_value("allow.QR101", reason))
    files = compiled(recipe, backend)
    plain = compiled(deep_merge(recipe, nest_value("allow.QR101", "xxx")), backend)
    assert natives(files) == natives(plain)
    assert "# QR101 is allowed: " in files["run.sh"]


def test_a_field_that_nothing_reads_is_refused(loaded, problems, tmp_path):
    """The promise holds at run time: a backend whose templates forget a field is stopped."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "train.yaml.j2").write_text("{{ header }}\nbase_model: {{ model.id }}\nlearning_rate: 0.1\n", "utf-8")
    (folder / "run.sh.j2").write_text("{{ header }}\n", "utf-8")
    backend = dataclasses.replace(load_backend("axolotl"), templates=folder)
    recipe = {"training": {"learning_rate": 1e-3, "seed": 3}, "method": {"rank": 4}}
    found = problems(compile_recipe, loaded(recipe), backend, tmp_path / "out")
    assert {finding.route for finding in found} >= {("training", "learning_rate"), ("method", "rank")}
    assert all("Axolotl" in finding.message for finding in found)
    assert ("training", "seed") not in {finding.route for finding in found}, "rows.json reads it"


# --- read alike by every reader


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def test_every_reader_reads_the_same():
    ruamel = pytest.importorskip("ruamel.yaml")
    omegaconf = pytest.importorskip("omegaconf")
    files = sorted((ROOT / "tests/golden").glob("*/*/*.yaml"))
    assert files
    for file in files:
        text = file.read_text("utf-8")
        expected = yaml.safe_load(text)
        assert plain(ruamel.YAML(typ="safe", pure=True).load(text)) == expected, file
        assert omegaconf.OmegaConf.to_container(omegaconf.OmegaConf.create(text)) == expected, file


def test_every_script_is_a_script():
    scripts = sorted((ROOT / "tests/golden").glob("*/*/*.sh"))
    assert scripts
    assert [file for file in scripts if subprocess.run(["bash", "-n", str(file)], check=False).returncode] == []


# --- the same bytes


HASHED = [ROOT / f"examples/{name}.yaml" for name in ("two-gpus-lora", "dora")]


def run_compile(folder, seed):
    (folder / "recipes").mkdir(parents=True)
    for example in HASHED:
        (folder / "recipes" / example.name).write_bytes(example.read_bytes())
    code = "from qwen_recipes.cli import main; main()"
    env = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    for example in HASHED:
        args = ["compile", f"recipes/{example.name}", "--backend", "all", "-o", f"out/{example.stem}"]
        subprocess.run([sys.executable, "-c", code, *args], cwd=folder, env=env, check=True, capture_output=True)
    return {str(file.relative_to(folder)): file.read_bytes() for file in (folder / "out").rglob("*") if file.is_file()}


def test_two_runs_write_the_same_bytes(tmp_path):
    one = run_compile(tmp_path / "one", "1")
    other = run_compile(tmp_path / "a much longer name/of a folder", "4242")
    assert len(one) > 30
    assert one == other
    assert not any(str(tmp_path).encode() in content for content in one.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_folder_with_odd_characters(tmp_path, backend):
    folder = tmp_path / "it's a $(touch x) fol`der; é"
    folder.mkdir()
    file = folder / "r.yaml"
    file.write_text('version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: "a b\'c $x.jsonl"}\noutput: {dir: out}\n', "utf-8")
    made = compile_recipe(load_recipe(str(file)), load_backend(backend), tmp_path / "o p" / "q")
    (tmp_path / "o p/q").mkdir(parents=True)
    program = '\npython "$here/rows/__main__.py"'
    assert made.files["run.sh"].count(program) == 1
    script = made.files["run.sh"].replace(program, "\npwd; exit; :")
    (tmp_path / "o p/q/run.sh").write_text(script, "utf-8")
    done = subprocess.run(["bash", str(tmp_path / "o p/q/run.sh")], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == str(folder)
    assert json.loads(made.files["rows.json"])["train"][0]["path"] == "a b'c $x.jsonl"


@pytest.mark.parametrize(
    ("gpus", "given", "seen"), [(1, None, "0"), (1, "4,5", "4"), (2, "4,5,6", "4,5"), (2, "", "0,1")]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_takes_as_many_gpus_as_it_trains_on_of_those_that_it_may_use(
    loaded, tmp_path, backend, gpus, given, seen
):
    """A framework that sees more starts a process for each, or spreads the model: another batch, without a word."""
    hardware = {"hardware": {"gpu": "h100", "gpus": gpus, "strategy": "ddp" if gpus > 1 else "single"}}
    script = compile_recipe(loaded(hardware), load_backend(backend), tmp_path).files["run.sh"]
    line = next(line for line in script.splitlines() if line.startswith("export CUDA_VISIBLE_DEVICES="))
    env = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
    env |= {} if given is None else {"CUDA_VISIBLE_DEVICES": given}
    told = subprocess.run(
        ["bash", "-c", f"{line}\necho $CUDA_VISIBLE_DEVICES"], env=env, capture_output=True, text=True
    )
    assert told.stdout.strip() == seen
