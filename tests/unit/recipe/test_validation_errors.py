"""Every problem of a recipe, all at once, each at its place, each with what to write instead."""

from __future__ import annotations

import pytest

from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.recipe.other_names import FIELDS_BY_HABIT, FIELDS_BY_NATIVE_KEY
from qwen_recipes.recipe.read_file import RecipeReadError
from tests.conftest import BASE, ROOT, nest_value

HEAD = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: d.jsonl}\n"


@pytest.fixture
def found(write_recipe, problems):
    """The findings of a recipe's text."""
    return lambda text, *sets: problems(load_recipe, str(write_recipe(text)), sets)


def only(findings):
    (finding,) = findings
    return finding


def test_five_different_mistakes_are_reported_together(found):
    text = (
        "version: 1\n"
        "model: Qwen/Qwen3-4B\n"
        "data:\n"
        "  trian: rows.jsonl\n"
        "training:\n"
        "  epochs: yes\n"
        '  learning_rate: "1e-4"\n'
        "  sequence_length: 4\n"
        "  packing:\n"
        "lora_r: 8\n"
    )
    findings = found(text)
    places = [(f.span.line, f.span.column) for f in findings]
    assert places == [(3, 1), (4, 3), (6, 11), (7, 18), (8, 20), (9, 11), (10, 1)]
    assert places == sorted(places)
    lines = text.splitlines()
    for finding in findings:
        assert finding.severity == "error"
        assert finding.suggestion, finding.message
        assert finding.line == lines[finding.span.line - 1]
        assert finding.file.endswith("recipe.yaml")
    messages = "\n".join(f"{f.message} {f.why} {f.suggestion}" for f in findings)
    for text in ("`data.train` is missing", "did you mean `train`", "write 1e-4 without quotes", "at least 8",
                 "`training.packing` has no value", "`method.rank`"):  # fmt: skip
        assert text in messages


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("trainig: {epochs: 1}", 1, "did you mean `training`?"),
        ("training: {epoch: 1}", 12, "did you mean `epochs`?"),
        ("training: {learning-rate: 1}", 12, "did you mean `learning_rate`?"),
        ("learning_rate: 1e-4", 1, "write it as `training.learning_rate`"),
        ("training: {rank: 8}", 12, "write it as `method.rank`"),
        ("trainer: {lr: 1}", 1, "known here: version, "),
        ("method: lorra", 9, "did you mean `lora`?"),
        ("training: {scheduler: Cosine}", 23, "did you mean `cosine`?"),
        ("training: {packing: on}", 21, "write true"),
        ("training: {packing: no}", 21, "write false"),
        ("training: {steps: '5'}", 19, "write 5 without quotes"),
        ("training: {steps: 5.5}", 19, "whole number"),
        ("training: {seed: 9999999999}", 18, "less than 4294967296"),
        ("training: [1]", 11, "expected a map of keys and values"),
        ("chat: assistant", 7, "expected a map of keys and values"),
        ("name: {a: 1}", 7, "expected text"),
        ("name: 'a b'", 7, "expected letters, digits, "),
        ("method: {rank: many}", 16, "whole number"),
        ("method: {targets: q_proj}", 19, "all-linear"),
        ("method: {targets: [q_porj]}", 20, "did you mean `q_proj`?"),
        ("method: {rslora: maybe}", 18, "auto"),
        ("training: {evaluate_every: often}", 28, "epoch"),
        ("allow: {QR1: because}", 9, "expected `QR` and three digits"),
        ("allow: {QR101: x}", 16, "at least 3"),
        ("run: {backend: [a]}", 16, "expected text"),
        ("backends: {axolotl: {extr: {a: 1}}}", 22, "did you mean `extra`?"),
        ("backends: {axolotl: {extra: }}", 29, "give it a value"),
        ("training: {warmup_ratio: .inf}", 26, "finite"),
        ("training: {batch: 16}", 12, "the recipe field is `training.batch_size`"),
        ("training: {weight: 16}", 12, "did you mean `weight_decay`?"),
        ("training: {beta: 0.1}", 12, "write it as `objective.beta`"),
        ("training: {gpu: h100}", 12, "write it as `hardware.gpu`"),
        ("training: {quantization: 4}", 12, "write `quantization` at the top level"),
        ("training: {lora: true}", 12, "write it as `method: {type: lora}`"),
        ("training: {resume: true}", 12, "`recipes run RECIPE --resume`"),
        ("training: {zzzzz: 1}", 12, "a framework's own key goes under `backends.<framework>.extra`"),
        ("training: {warmup: 0.1}", 12, "use `warmup_ratio`, a share of all steps, or `warmup_steps`"),
        ("training: {warmup_ratio: 5%}", 26, "`warmup_ratio: 0.05`"),
        ("training: {warmup_ratio: 10}", 26, "`warmup_steps: 10`"),
        ("training: {warmup_ratio: 1}", 26, "e.g. `warmup_ratio: 0.05`"),
        ("training: {warmup_steps: 0.1}", 26, "`warmup_ratio: 0.1`"),
        ("training: {evaluate_every: 0.1}", 28, "`evaluations_per_epoch: 2`"),
        ("training: {save_every: 50%}", 24, "`saves_per_epoch: 2`"),
        ("training: {neftune: 5%}", 21, "e.g. `neftune: 5.0`"),
        ("training: {learning_rate: 1%}", 27, "e.g. `learning_rate: 0.0001`"),
        ("training: {betas: [0.9, 0.95, 0.99]}", 19, "expected a list with at most 2 items"),
        ("zzzzz: 1", 1, "known here: version, name, extends, model"),
    ],
)
def test_one_mistake(found, line, column, said):
    finding = only(found(HEAD + line + "\n"))
    assert (finding.span.line, finding.span.column) == (4, column)
    assert said in f"{finding.message} {finding.why} {finding.suggestion}"


@pytest.mark.parametrize(
    ("value", "said"), [("5%", "`validation: 0.05`"), ("7.5 %", "`validation: 0.075`"), ("200", "a share of the rows")]
)
def test_validation_in_another_unit(found, value, said):
    text = f"version: 1\nmodel: Qwen/Qwen3-4B\ndata: {{train: d.jsonl, validation: {value}}}\n"
    assert said in only(found(text)).suggestion


def test_a_model_s_name_is_its_id(found):
    suggestions = [finding.suggestion for finding in found("version: 1\nmodel: {name: x}\ndata: {train: a}\n")]
    assert suggestions == ["e.g. `id: Qwen/Qwen3-4B-Instruct-2507`", "use `id`"]


@pytest.mark.parametrize("text", ["compute_environment: HERE\nnum_processes: 4\n", '{"zero_optimization": {}}'])
def test_another_program_s_file_is_one_error(found, text):
    finding = only(found(text))
    assert finding.message == "this is not a recipe: none of its keys is a field"
    assert "--as NAME" in finding.suggestion


def test_a_slip_in_every_key_is_still_a_recipe(found):
    assert "did you mean `model`?" in [finding.suggestion for finding in found("modell: x\ndat: {train: a}\n")]


ALL_NAMES = FIELDS_BY_NATIVE_KEY | FIELDS_BY_HABIT


@pytest.mark.parametrize("key", sorted(ALL_NAMES))
def test_the_frameworks_words_point_at_ours(found, key):
    finding = only(found(f"{HEAD}{key}: 8\n"))
    assert finding.span.line == 4
    ours = ALL_NAMES[key]
    assert f"`{ours}`" in finding.suggestion or finding.suggestion == f"did you mean `{ours.split('.')[0]}`?"


@pytest.mark.parametrize(
    ("line", "ours"),
    [
        ("scheduler: wsd", "warmup_stable_decay"),
        ("optimizer: adamw_bnb_8bit", "adamw_8bit"),
        ("optimizer: adamw", "adamw_torch"),
        ("attention: fa2", "flash_attention_2"),
        ("scheduler: cosin", "cosine"),
    ],
)
def test_other_names_of_a_value(found, line, ours):
    assert only(found(f"{HEAD}training: {{{line}}}\n")).suggestion == f"did you mean `{ours}`?"


def test_what_the_frameworks_words_point_at_exists():
    from qwen_recipes.recipe.field_index import index_fields

    for ours in ALL_NAMES.values():
        assert any(path == ours or path.startswith(f"{ours}.") for path in index_fields())


def test_validation_says_what_it_takes_and_no_more(found):
    finding = only(found("version: 1\nmodel: x\ndata: {train: a, validation: [{path: b, fromat: messages}]}\n"))
    assert "did you mean `format`" in finding.suggestion
    assert finding.span.column == 41


def test_several_sources_have_a_place_each(found):
    text = "version: 1\nmodel: x\ndata:\n  train:\n    - a.jsonl\n    - {pth: b}\n    - 5\n"
    places = {f.span.line: f for f in found(text)}
    assert set(places) == {6, 7}


@pytest.mark.parametrize("value", ["", "~", "null"])
@pytest.mark.parametrize(
    "line",
    ["name: {}", "training: {}", "training: {{epochs: {}}}", "data: {{train: [a, {}]}}", "allow: {{QR101: {}}}"],
)
def test_nothing_is_not_a_value(found, line, value):
    text = HEAD.replace("data: {train: d.jsonl}\n", "") if line.startswith("data") else HEAD
    if value == "" and "[a, " in line:
        return
    finding = only(found(text + line.format(value) + "\n"))
    assert finding.message.endswith("has no value")
    assert finding.span.line == text.count("\n") + 1


def test_null_is_a_value_among_native_keys(loaded):
    made = loaded(HEAD + "backends: {axolotl: {extra: {fsdp: null, a: [null]}}}\n")
    assert made.recipe.backends["axolotl"].extra == {"fsdp": None, "a": [None]}


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("name: 1e4", ("name", "1e4")),
        ("name: 007", ("name", "007")),
        ("name: true", ("name", "true")),
        ("model: {id: Qwen/Qwen3-4B, revision: 123456}", ("model.revision", "123456")),
        ("model: {id: x, revision: 1e10}", ("model.revision", "1e10")),
        ("output: {dir: 2024}", ("output.dir", "2024")),
        ("allow: {QR101: 12345}", ("allow", {"QR101": "12345"})),
    ],
)
def test_a_bare_word_is_text_where_text_is_wanted(loaded, line, read):
    head = HEAD.replace("model: Qwen/Qwen3-4B\n", "") if line.startswith("model") else HEAD
    value = loaded(head + line + "\n").recipe
    for step in read[0].split("."):
        value = getattr(value, step)
    assert value == read[1]


def test_a_bare_number_and_another_mistake(found):
    finding = only(found(HEAD + "name: 1e4\ntraining: {epochs: x}\n"))
    assert finding.route == ("training", "epochs")


@pytest.mark.parametrize("text", ["- a\n", "5\n", "~\n", "text\n"])
def test_a_recipe_is_a_map(found, text):
    assert "a map" in only(found(text)).message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ("training: {steps: 5, epochs: 1}", "training.steps"),
        ("method: {type: full, rank: 8}", "method.rank"),
        ("method: {type: full, rslora: auto}", "method.rslora"),
        ("method: full\nquantization: {bits: 4}", "quantization"),
        ("method: {type: dora, variant: plain}", "method.variant"),
        ("quantization: {bits: 8, type: nf4}", "quantization.type"),
        ("hardware: {device: cpu, gpus: 2}", "hardware.gpus"),
        ("hardware: {device: cpu, gpu: t4}", "hardware.gpu"),
        ("hardware: {device: cpu, strategy: zero2}", "hardware.strategy"),
        ("hardware: {gpus: 2, strategy: single}", "hardware.strategy"),
        ("hardware: {strategy: ddp}", "hardware.strategy"),
        ("training: {early_stopping: 3}", "training.early_stopping"),
        ("training: {evaluate_every: 3}", "training.evaluate_every"),
        ("training: {kernels: [none, liger]}", "training.kernels"),
        ("training: {kernels: [none, none]}", "training.kernels"),
    ],
)
def test_contradictions(found, changes, field):
    finding = only(found(f"{HEAD}{changes}\n"))
    assert finding.route == tuple(field.split("."))
    assert finding.suggestion
    assert finding.span.line > 3


def test_contradictions_come_together(found):
    text = HEAD + "training: {steps: 5, epochs: 1, early_stopping: 2}\nhardware: {strategy: ddp}\n"
    assert [f.span.line for f in found(text)] == [4, 4, 5]


@pytest.mark.parametrize(("file", "said"), [("missing.yaml", "does not exist"), ("", "is a folder")])
def test_files_that_cannot_be_read(tmp_path, file, said):
    with pytest.raises(RecipeReadError, match=said):
        load_recipe(str(tmp_path / file))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("support.yaml", "support"),
        ("support.recipe.yml", "support"),
        ("my bot, v2.yaml", "my-bot-v2"),
        ("größe.yaml", "größe"),
        ("支持 机器人.yaml", "支持-机器人"),
        ("हिन्दी.yaml", "हिन्दी"),
        ("поддержка.recipe.yaml", "поддержка"),
        ("a\nb.yaml", "a-b"),
        ("-x.yaml", "x"),
    ],
)
def test_the_name_comes_from_the_file_and_is_one_that_could_be_written(write_recipe, name, made):
    found = load_recipe(str(write_recipe({}, name)))
    assert found.name == made
    assert load_recipe(str(write_recipe({"name": made}, "b.yaml"))).name == made


@pytest.mark.parametrize(
    ("name", "said"),
    [("🦜.yaml", "no letter or digit"), (".yaml", "no letter"), ("ü" * 120 + ".yaml", "240 bytes long")],
)
def test_a_file_that_gives_no_name_is_refused_and_told_what_to_write(write_recipe, problems, name, said):
    (found,) = problems(load_recipe, str(write_recipe({}, name)))
    assert said in found.message and found.route == ("name",) and found.suggestion == "name: support-bot"
    assert load_recipe(str(write_recipe({"name": "bot"}, name))).name == "bot"


@pytest.mark.parametrize("name", ["🦜", "a🦜", "a/b", "..", "a b", "$(x)", "a\u00a0b", "a，b", "ü" * 101])
def test_a_name_has_letters_of_any_script_and_nothing_else(write_recipe, problems, name):
    assert problems(load_recipe, str(write_recipe({"name": name})))


def test_the_hash_is_of_what_is_said(loaded):
    one = loaded(HEAD + "training: {learning_rate: 1e-4}  # why\n").recipe_hash
    assert (
        one
        == loaded(
            "data: {train: d.jsonl}\nversion: 1\nmodel: Qwen/Qwen3-4B\ntraining:\n  learning_rate: 0.0001"
        ).recipe_hash
    )
    assert one != loaded(HEAD + "training: {learning_rate: 2e-4}\n").recipe_hash
    assert one != loaded(HEAD + "training: {learning_rate: 1e-4}\n", "training.seed=1").recipe_hash


def test_base_is_what_the_other_tests_build_on(loaded):
    assert loaded(nest_value("name", "x")).recipe.model.id == BASE["model"]
    assert (ROOT / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("name", "suggested"),
    [
        ("Поддержка клиентов", "Поддержка-клиентов"),
        ("support bot v1.2", "support-bot-v1.2"),
        ("../../evil", "evil"),
        ("a🦜", "a"),
        ("🦜", "support-bot"),
        ("a" * 300, "support-bot"),
    ],
)
def test_a_name_that_cannot_be_used_gets_the_nearest_one(write_recipe, problems, name, suggested):
    (found,) = problems(load_recipe, str(write_recipe({"name": name}, "b.yaml")))
    assert found.suggestion.removeprefix("e.g. ").strip("`") == f"name: {suggested}"


def test_a_wrong_number_is_shown_without_quotation_marks(found):
    (number,) = found(HEAD + "training: {batch_size: 0}\n")
    (text,) = found(HEAD + 'training: {epochs: "many"}\n')
    assert number.message == "invalid value for `training.batch_size`: 0"
    assert text.message == "invalid value for `training.epochs`: 'many'"


def test_a_field_of_few_values_lists_them_all(loaded, problems):
    (found,) = problems(loaded, {"data": {"train": [{"path": "a.jsonl", "prompt_style": "chatml"}]}})
    assert found.suggestion == "write `plain` or `alpaca`"
