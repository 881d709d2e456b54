"""Configs that people wrote for a framework themselves: recognised, read with places, judged by every rule."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from click.testing import CliRunner

from qwen_recipes.backends.located_values import parse_deepspeed_stage
from qwen_recipes.backends.native_modules import (
    get_default_version,
    list_native_frameworks,
    load_extra_keys,
    load_native_schema,
)
from qwen_recipes.backends.read_native_configs import read_native_configs
from qwen_recipes.backends.shell_parser import parse_assignments, parse_commands, parse_flags
from qwen_recipes.backends.shell_variables import MOST_TEXT, expand_commands
from qwen_recipes.cli import main
from qwen_recipes.guards import load_guard
from qwen_recipes.guards.native.lint_native import RULE_MODULES, detect_framework, lint_native
from tests.conftest import ROOT
from tests.unit.guards.native_rule_cases import RULE_CASES, TARGETS

AXOLOTL = "base_model: {model}\nlearning_rate: 1e-4\ndatasets:\n  - path: rows.jsonl\n    type: chat_template\n"
FACTORY = "model_name_or_path: {model}\nstage: sft\ndo_train: true\nfinetuning_type: lora\noutput_dir: out\n"
SWIFT = "model: {model}\ntuner_type: lora\ndataset: rows.jsonl\ntorch_dtype: bfloat16\n"
TRL = "model_name_or_path: {model}\ndataset_name: rows\nuse_peft: true\nlora_r: 8\noutput_dir: out\n"
BACKENDS = list_native_frameworks()
HEADS = {"axolotl": AXOLOTL, "llamafactory": FACTORY, "ms-swift": SWIFT, "trl": TRL}
HYBRID, BASE, INSTRUCT = "Qwen/Qwen3-4B", "Qwen/Qwen3-4B-Base", "Qwen/Qwen3-4B-Instruct-2507"
RECIPE = "version: 1\nmodel: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\n"


def config(backend, more="", model=HYBRID):
    return HEADS[backend].format(model=model) + more


def found(text, backend=None, **more):
    return {(f.code, f.severity) for f in lint_native(text, "x.yaml", backend, **more)}


# --- recognition


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_config_is_recognised_by_its_keys(backend):
    assert detect_framework(config(backend)) == backend
    assert detect_framework(f"# {backend} or swift sft\n" + config(backend)) == backend


@pytest.mark.parametrize(
    ("line", "backend"),
    [
        ("swift sft --model x", "ms-swift"),
        ("trl sft --config x.yaml --learning_rate 1e-5", "trl"),
        ("HF_HUB_OFFLINE=1 python -m trl.scripts.dpo --config x.yaml", "trl"),
        ("accelerate launch --num_processes 2 trl/scripts/kto.py --model_name_or_path x", "trl"),
        ("CUDA_VISIBLE_DEVICES=0 \\\nNPROC_PER_NODE=2 \\\nswift rlhf \\\n  --model x", "ms-swift"),
        ("megatron sft --model x", "ms-swift"),
        ("torchrun --nproc_per_node 2 swift/cli/sft.py --model x", "ms-swift"),
        ("llamafactory-cli train x.yaml learning_rate=1e-5", "llamafactory"),
        ("FORCE_TORCHRUN=1 llamafactory-cli train --stage sft", "llamafactory"),
        ("python src/train.py --stage sft", "llamafactory"),
        ("axolotl train x.yaml", "axolotl"),
        ("accelerate launch -m axolotl.cli.train x.yaml", "axolotl"),
    ],
)
def test_a_script_is_recognised_by_what_it_calls(line, backend):
    if "src/train" in line or "-m axolotl" in line:
        line = f"# axolotl llamafactory-cli\n{line}"
    assert [c.backend for c in read_native_configs(f"#!/bin/bash\n{line}\n", "x.sh", backend)] == [backend]


@pytest.mark.parametrize(
    "text",
    [
        RECIPE,
        "model: Qwen/Qwen3-4B\ndata: {train: rows.jsonl}\nmethod: lora\n",
        "compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\nfsdp_config: {}\n",
        "#!/bin/bash\necho swift sft\n",
        "",
        "a: 1\n",
        "# swift sft --model x\n",
        "base_model: Qwen/Qwen3-1.7B\nlora: {r: 16}\ndata: {train: rows.jsonl}\ntraining: {epochs: 3}\n",
        "base_model: x\nmerge_method: ties\nmodels:\n  - model: y\ndtype: bfloat16\n",
        "version: 1\nmodel: Qwen/Qwen3-4B\ndataset: rows.jsonl\ntuner_type: lora\n",
        "model_name: x\ndataset: y\nlearning_rate: 1e-4\n",
        "model:\n  _component_: torchtune.models.qwen3.qwen3_4b\ndataset:\n  _component_: x\n",
    ],
)
def test_what_is_no_native_config_is_not_taken_for_one(text):
    assert detect_framework(text) is None
    assert lint_native(text) == []


def test_the_command_of_a_yaml_follows_from_its_keys():
    def command(text):
        return read_native_configs(text, "x", None if detect_framework(text) else "ms-swift")[0].command

    assert command(config("llamafactory")) == "train"
    assert command("model_name_or_path: x\nexport_dir: y\ntemplate: qwen3\n") == "export"
    assert command("model: x\ntrain_dataset: y\ndist_config: {name: fsdp2}\n") == "v1"
    assert command(config("llamafactory", "tensor_model_parallel_size: 2\n")) == "megatron"
    assert command(config("ms-swift")) == "sft"
    assert command(config("ms-swift", "rlhf_type: dpo\nbeta: 0.1\n")) == "rlhf"
    assert command(config("ms-swift", "tensor_model_parallel_size: 2\nlr: 1e-4\n")) == "megatron sft"
    assert command("rlhf_type: grpo\nmodel: x\ntrain: {gpus: 4}\nrollout: {gpus: 4}\n") == "ray"


# --- shell


def test_words_and_where_they_stand():
    text = "A=1 B='x y' \\\nswift sft \\\n    --model 'a b' \\\n    --dataset a \"b#5\" # end\necho done; ls | wc\n"
    first, *rest = parse_commands(text)
    assert [word.text for word in first] == [
        "A=1",
        "B=x y",
        "swift",
        "sft",
        "--model",
        "a b",
        "--dataset",
        "a",
        "b#5",
    ]
    assert (first[4].span.line, first[4].span.column, first[4].span.end_column) == (3, 5, 12)
    assert [[word.text for word in command] for command in rest] == [["echo", "done"], ["ls"], ["wc"]]
    assert parse_assignments(first) == {"A": "1", "B": "x y"}


@pytest.mark.parametrize(
    "text",
    ["'", '"a', "$(", "${a", "`", "\\", "a\\", "<<E", "a <<E\n", "((", "#", "\\\n", "a 'b\nc' \"$(x 'y')\"", "&&;|"],
)
def test_a_broken_script_is_read_as_far_as_it_goes(text):
    parse_commands(text)
    parse_commands(f"swift sft --model x {text}")


def test_a_here_document_is_no_command():
    text = "cat <<'EOF' > x\nswift sft --modell x\nEOF\nswift sft --model y\n"
    assert [c.data for c in read_native_configs(text, "x.sh")] == [{"model": "y"}]


def test_flags_become_keys():
    words = parse_commands("--a 1 --b --c-d x y --e=2.5 f=true --g '' $REST --h \"7\"")[0]
    document = parse_flags(words, "x", "")
    data = read_native_configs("swift sft --model x", "x")[0].data
    assert data == {"model": "x"}
    values = {key: getattr(node, "value", None) for key, node in document.root.entries.items()}
    assert values == {"a": 1, "b": True, "c_d": None, "e": 2.5, "f": True, "g": None, "h": 7}
    assert document.root.keys["c_d"].column == 11


def test_each_command_of_a_script_is_judged_at_its_flags():
    text = (
        "swift sft \\\n  --model Qwen/Qwen3-4B \\\n  --train_type lora\n"
        "swift infer --adapters x --stream true\nswift export --adapters x --merge_loraa true\n"
    )
    one, two = lint_native(text, "x.sh")
    assert (one.code, one.span.line, one.span.column, one.line) == ("QR703", 3, 3, "  --train_type lora")
    assert (two.code, two.span.line) == ("QR702", 5)
    assert "merge_lora" in two.suggestion


def test_variables_are_not_judged():
    assert not lint_native('swift sft --model "$MODEL" --deepspeed $DS --quant_bits $BITS --quant_method bnb "$@"')


def values_of(script):
    return [c.data for c in read_native_configs(script, "x.sh")]


@pytest.mark.parametrize(
    "script",
    [
        "MODEL=m\nexport RATE='8'\nswift sft --model $MODEL --lora_rank ${RATE}\n",
        "swift sft --model ${MODEL:-m} --lora_rank ${RANK:=8}\n",
        'swift sft --model ${MODEL:-"m"} --lora_rank "${RANK:-8}" > log.txt 2>&1 &\n',
        'ARGS=(\n  --model m  # the model\n  --lora_rank 8\n)\nNPROC_PER_NODE=2 swift sft "${ARGS[@]}"\n',
        'CMD=(swift sft --model m)\nCMD+=(--lora_rank 8)\n"${CMD[@]}"\n',
        'ARGS="--model m"\nARGS="$ARGS --lora_rank 8"\nswift sft $ARGS\n',
        'cmd="swift sft --model m --lora_rank 8"\necho $cmd\neval $cmd\n',
        "docker run img bash -c 'swift sft --model m --lora_rank 8'\n",
        'srun bash -lc "cd x && swift sft --model m --lora_rank 8"\n',
        "torchrun --nproc_per_node 2 -m swift.cli.sft --model m --lora_rank 8\n",
        "if [ -z $X ]; then\n  nohup swift sft --model m --lora_rank 8 >> log 2>/dev/null &\nfi\n",
    ],
)
def test_what_a_script_says_through_variables_and_shells(script):
    assert detect_framework(script) == "ms-swift"
    assert values_of(script) == [{"model": "m", "lora_rank": 8}]


@pytest.mark.parametrize(
    "script",
    [
        "R=8\nR=16\nswift sft --lora_rank $R\n",
        "for R in 8 16; do\n  swift sft --lora_rank $R\ndone\n",
        "swift sft --lora_rank $R\n",
        "R=8\nif x; then R=16; fi\nswift sft --lora_rank $R\n",
    ],
)
def test_a_variable_of_several_values_stays(script):
    assert values_of(script) == [{"lora_rank": "$R"}]


def test_variables_that_double_stay_as_written():
    script = "a=xxxxxxxxxx\n" + "a=$a$a$a$a$a$a$a$a$a$a\n" * 12 + "b=(x x)\n" + 'b+=("${b[@]}" "${b[@]}")\n' * 40
    commands = list(expand_commands(parse_commands(script + 'llamafactory-cli train --template $a "${b[@]}"\n')))
    assert sum(len(word.text) for command in commands for word in command) < 2 * MOST_TEXT


def test_json_is_recognised_however_it_is_indented():
    keys = {"model": HYBRID, "tuner_type": "lora", "dataset": ["rows.jsonl"], "lora_rnk": 8}
    for indent in (None, 4):
        text = json.dumps(keys, indent=indent)
        assert detect_framework(text) == "ms-swift"
        assert [f.code for f in lint_native(text, "x.json")] == ["QR702"]


def test_a_file_named_beside_flags_may_say_the_rest():
    assert not lint_native("swift sft base.yaml --deepspeed zero3 --quant_bits 4")
    assert not lint_native("llamafactory-cli train base.yaml lora_rank=8")
    assert found("llamafactory-cli train base.yaml lora_rnk=8") == {("QR702", "error")}


# --- every rule, one sample that breaks it and its like that does not


def overriding(backend, more, model=HYBRID):
    """The sample with its own values in place of the head's."""
    mine = {line.split(":")[0] for line in more.splitlines()}
    head = [line for line in HEADS[backend].format(model=model).splitlines() if line.split(":")[0] not in mine]
    return "\n".join([*head, more])


@pytest.mark.parametrize(("code", "backend", "more", "severity"), RULE_CASES)
def test_a_rule_speaks_of_what_breaks_it(code, backend, more, severity):
    said = lint_native(overriding(backend, more), "x.yaml", backend)
    mine = [finding for finding in said if finding.code == code]
    assert mine, said
    assert mine[0].severity == severity
    assert all(f.message and f.suggestion and f.span and f.file == "x.yaml" for f in said)
    assert {f.code for f in said} <= {code, "QR101"}


def test_a_base_model_that_never_stops():
    assert found(config("axolotl", model=BASE)) == {("QR301", "error")}
    assert not found(config("axolotl", 'eot_tokens: ["<|im_end|>"]\n', BASE))
    assert not found(config("axolotl", 'special_tokens: {eos_token: "<|im_end|>"}\n', BASE))
    assert not found(config("axolotl", model=BASE).replace("chat_template", "completion"))


def test_flags_behind_a_file_are_refused():
    one, two = lint_native("llamafactory-cli train x.yaml --learning_rate 1e-5 --cutoff_len 512\n", "x.sh")
    assert (one.code, one.span.column, two.code, two.suggestion) == ("QR709", 31, "QR709", "cutoff_len=512")
    assert not lint_native("llamafactory-cli train x.yaml learning_rate=1e-5\n")
    assert not lint_native("llamafactory-cli train --model_name_or_path x --do_train --cutoff_len 512\n")


def test_a_variable_in_a_combination_is_not_judged():
    assert not found(config("axolotl", "warmup_steps: ${STEPS}\nwarmup_ratio: 0.1\n"))


def test_a_template_matters_where_conversations_are_trained():
    text = config("axolotl", "chat_template: qwen3\n")
    assert found(text) == {("QR304", "error")}
    assert not found(text.replace("type: chat_template", "type: alpaca"))


def test_a_mistyped_template_is_replaced_by_one_that_fits():
    for backend, name in (("axolotl", "chat_template: qwen33\n"), ("llamafactory", "template: defaul\n")):
        (finding,) = lint_native(config(backend, name), "x.yaml")
        mended = config(backend, finding.suggestion + "\n")
        assert finding.code == "QR708"
        assert not lint_native(mended, "x.yaml")


def test_training_that_never_starts():
    text = config("llamafactory")
    assert found(text.replace("do_train: true\n", "")) == {("QR706", "error")}
    assert found(text.replace("true", "false")) == {("QR706", "error")}
    assert not found(text.replace("do_train", "do_predict"))
    assert not found("model_name_or_path: x\nexport_dir: y\ntemplate: qwen3\n")


def test_every_rule_has_a_sample():
    assert set(RULE_MODULES) == {case[0] for case in RULE_CASES} | {"QR218", "QR301"}
    assert all(load_guard(code).code == code for code in RULE_MODULES)


@pytest.mark.parametrize(
    ("backend", "more", "model"),
    [
        ("axolotl", "", HYBRID),
        ("llamafactory", "", HYBRID),
        ("ms-swift", "", HYBRID),
        ("axolotl", "adapter: lora\ndeepspeed: deepspeed_configs/zero2.json\n", HYBRID),
        ("axolotl", "deepspeed: deepspeed_configs/zero3.json\n", HYBRID),
        (
            "axolotl",
            "adapter: qlora\nload_in_4bit: true\nfsdp_config: {offload_params: true}\n",
            HYBRID,
        ),
        ("axolotl", "adapter: lora\nload_in_4bit: true\n", "unsloth/Qwen3-4B-bnb-4bit"),
        ("axolotl", f"adapter: lora\nlora_target_linear: true\nlora_target_modules: {TARGETS}\n", HYBRID),
        ("axolotl", f"adapter: lora\nlora_target_modules: {TARGETS}\n", "meta-llama/Llama-3.1-8B"),
        ("axolotl", f"adapter: lora\nlora_target_modules: {TARGETS}\n", "Qwen/Qwen3-30B-A3B"),
        ("axolotl", "adapter: lora\nlora_target_modules: 'model.layers.[0-9]+.self_attn.q_proj'\n", HYBRID),
        ("axolotl", "sequence_len: 65536\n", INSTRUCT),
        ("axolotl", "sequence_len: 65536\noverrides_of_model_config: {rope_scaling: {factor: 2.0}}\n", HYBRID),
        ("axolotl", "chat_template: qwen3\nfp16: true\n", "meta-llama/Llama-3.1-8B"),
        ("axolotl", "plugins: [axolotl.integrations.liger.LigerPlugin]\nliger_rope: true\n", HYBRID),
        ("axolotl", "expert_parallel_size: 2\n", HYBRID),
        ("axolotl", "x-anchor: &a {lora_r: 8}\n<<: *a\nadapter: lora\n", HYBRID),
        ("axolotl", "val_set_size: 0.1\neval_strategy: epoch\n", HYBRID),
        ("axolotl", "wandb_project:\nbf16: yes\n", HYBRID),
        ("axolotl", "fsdp_config: {fsdp_offload_params: true}\n", HYBRID),
        ("axolotl", "lr_scheduler_kwargs: {min_lr: 1.0e-5}\n", HYBRID),
        ("llamafactory", "template: qwen3_nothink\nlearning_rate: 1e-4\nquantization_bit: 4\n", INSTRUCT),
        ("llamafactory", "resume_from_checkpoint: null\n", HYBRID),
        ("llamafactory", "fsdp: full_shard\nquantization_bit: 4\n", HYBRID),
        ("ms-swift", "template: qwen3_nothinking\nmax-length: 4096\n", INSTRUCT),
        ("ms-swift", "ignore_args_error: true\n", HYBRID),
        ("ms-swift", "ENV: {NPROC_PER_NODE: 2}\ndeepspeed: zero2\n", HYBRID),
        ("ms-swift", "quant_bits: 4\nquant_method: bnb\nbnb_4bit_quant_storage: bfloat16\nfsdp: fsdp2\n", HYBRID),
        ("ms-swift", "rlhf_type: kto\ngradient_accumulation_steps: 4\n", HYBRID),
        ("llamafactory", "template: empty\n", HYBRID),
        ("llamafactory", "template: chatml\n", INSTRUCT),
        ("llamafactory", "template: default\n", BASE),
        ("axolotl", "chat_template: tokenizer_default\n", HYBRID),
        ("axolotl", "chat_template: jinja\nchat_template_jinja: x.jinja\n", HYBRID),
        ("ms-swift", "template: qwen3_coder\n", "Qwen/Qwen3-Coder-30B-A3B-Instruct"),
        ("ms-swift", "template: qwen3\n", "Qwen/Qwen3-Coder-30B-A3B-Instruct"),
        ("ms-swift", "template: dummy\n", HYBRID),
        ("ms-swift", "external_plugins: mine.py\nloss_type: my_loss\noptimizer: mine\n", HYBRID),
        ("ms-swift", "device_groups: {default: {ranks: 8}}\nmodel_kwargs: {a: 1}\n", HYBRID),
        ("axolotl", "bf16: auto\nval_set_size: '0.1'\neval_steps: 10\nlearning_rate: 2e-4\n", HYBRID),
        ("axolotl", "deepspeed: {zero_optimization: {stage: 2}}\nadapter: lora\n", HYBRID),
        ("llamafactory", "flash_attn: sdpa\nlr_scheduler_type: ${SCHEDULER}\nreport_to: [wandb]\n", HYBRID),
        ("trl", "loss_type: [sigmoid, sft]\nbeta: 0.1\n", HYBRID),
    ],
)
def test_what_is_right_is_passed_over(backend, more, model):
    assert not lint_native(overriding(backend, more, model), "x.yaml", backend)


# --- places, advice, versions


def test_an_unknown_key_is_pointed_at_with_what_was_meant():
    text = config("axolotl", "lora_rank: 8\ncutoff_len: 512\n")
    one, two = lint_native(text, "x.yaml")
    assert (one.span.line, one.span.column, one.suggestion) == (6, 1, "did you mean `lora_r`?")
    assert two.suggestion == "did you mean `sequence_len`?"
    assert "dropped silently" in one.message


def test_entries_of_datasets_are_looked_into_by_objective():
    entry = "datasets:\n  - {path: x, type: chat_template.default, field_messages: m, roles: {user: [u]}}\n"
    text = "base_model: x\nlearning_rate: 1\n" + entry
    assert not lint_native(text)
    (finding,) = lint_native(text + "rl: dpo\n")
    assert (finding.code, finding.route) == ("QR702", ("datasets", 0, "roles"))
    assert finding.span.line == 4


def test_the_version_decides_what_is_gone():
    fsdp = config("axolotl", "fsdp: [full_shard]\n")
    assert found(fsdp, version="0.19.0") == {("QR703", "warning")}
    assert not found(fsdp, version="0.11.0")
    train_type = overriding("ms-swift", "train_type: lora\n").replace("tuner_type: lora\n", "")
    assert found(train_type, version="4.0.2") == {("QR703", "warning")}
    assert found(config("axolotl", "bogus_key: 1\n"), version="0.19.0") == {("QR702", "warning")}


def test_what_is_gone_is_gone_from_the_schema_or_only_some_values_are():
    for backend in BACKENDS:
        known = set(load_native_schema(backend)["properties"])
        for change in read_native_configs(config(backend), "x", backend)[0].key_changes:
            top = change.key.split(".")[0].removesuffix("[]")
            assert change.write
            assert top in known or change.breaks_in, change
    assert set(load_extra_keys("axolotl")["always"]) <= set(load_extra_keys("axolotl")["plugins"])
    assert {load_extra_keys(name)["version"] for name in BACKENDS} == {get_default_version(name) for name in BACKENDS}


@pytest.mark.parametrize(
    ("value", "stage"),
    [
        ("zero3", "zero3"), ("a/ds_z2_offload_config.json", "zero2"), ("deepspeed_configs/zero1.json", "zero1"),
        ("stage_3.json", "zero3"), ("fuzz3.json", None), ("$DS", None), ("conf.json", None), (3, None),
        ({"zero_optimization": {"stage": 2}}, "zero2"), ({}, None), (None, None),
    ],
)  # fmt: skip
def test_the_stage_of_a_deepspeed_setting(value, stage):
    assert parse_deepspeed_stage(value) == stage


def test_advice_for_a_script_is_given_as_flags():
    (finding,) = lint_native("swift sft --model x --quant_bits 4")
    assert finding.suggestion == "--quant_method bnb"


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "a: [",
        "base_model: x\n\tb: 1",
        "base_model: *x",
        "datasets: 5\nbase_model: x",
        "base_model: x\ndatasets: [1, null, {a: {}}]\nplugins: 7\nfsdp_config: [1]\nrl: [dpo]",
        "base_model: {a: 1}\nlora_target_modules: 5\nadapter: [1]\ndeepspeed: {zero_optimization: 3}\neot_tokens: 5",
    ],
)
def test_odd_files_are_findings_and_no_crash(text):
    for backend in BACKENDS:
        assert all(finding.message for finding in lint_native(text, "x.yaml", backend))


# --- the command line, and the frameworks' own examples


def test_lint_reads_native_configs(tmp_path):
    file = tmp_path / "train.yaml"
    file.write_text(config("axolotl", "lora_rank: 8\n"), "utf-8")
    result = CliRunner().invoke(main, ["lint", str(file)])
    assert result.exit_code == 1
    assert "QR702" in result.output
    result = CliRunner().invoke(main, ["lint", "--as", "llamafactory", "-"], input="model_name_or_path: x\n")
    assert result.exit_code == 1
    assert "do_train" in result.output


def test_errors_in_the_frameworks_own_examples_were_read_and_are_true():
    sample = json.loads((ROOT / "tests/wild/sample.json").read_text("utf-8"))
    said = json.loads((ROOT / "tests/wild/verdicts.json").read_text("utf-8"))["verdicts"]
    files = {source["backend"]: source["recognised"] for source in sample["sources"]}
    assert set(files) == set(BACKENDS) - {"trl"}, "TRL brings no YAML of its own for Qwen3"
    assert sum(files.values()) >= 150
    assert min(files.values()) >= 30
    assert sample["files_drawn"] == min(60, sample["files_with_errors"])
    readers = Counter(row["reader"] for row in said)
    assert all(count == len(sample["errors"]) for count in readers.values())
    for reader in readers:
        verdicts = [row["verdict"] for row in said if row["reader"] == reader]
        assert sum(verdicts) >= 0.95 * len(verdicts)
    strict = [row["strict"] for row in said if row["reader"] == "B"]
    assert sum(strict) >= 0.95 * len(strict), "an error has to change what is trained, or whether"


def test_a_drop_that_changes_nothing_is_a_warning():
    def dpo(entry):
        return (
            "base_model: x\nlearning_rate: 1\nrl: dpo\ndatasets:\n  - {path: x, type: chat_template.default, " + entry
        )

    assert found(dpo("message_property_mappings: {role: role}}\n")) == {("QR702", "warning")}
    assert found(dpo("roles: {user: [user], assistant: [assistant]}}\n")) == {("QR702", "warning")}
    assert found(dpo("message_property_mappings: {role: from}}\n")) == {("QR702", "error")}
    assert found(dpo("roles: {user: [human]}}\n")) == {("QR702", "error")}
    assert found(dpo("roles: {}}\n")) == {("QR702", "error")}


def test_a_key_given_twice_hides_nothing_else():
    text = config("axolotl", "lora_r: 8\nlora_r: 16\nlora_rank: 8\n")
    twice, unknown = lint_native(text, "x.yaml")
    assert (twice.code, twice.span.line, twice.line) == ("QR705", 7, "lora_r: 16")
    assert "readers differ" in twice.why
    assert (unknown.code, unknown.span.line) == ("QR702", 8)
    assert read_native_configs(text, "x.yaml", repeated=[])[0].data["lora_r"] == 16


def test_a_folder_is_searched_for_what_as_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for backend in BACKENDS:
        (tmp_path / f"{backend}.yaml").write_text(config(backend, "bogus_key: 1\n"), "utf-8")
    (tmp_path / "run.sh").write_text("swift sft --model x --bogus_key 1\n", "utf-8")
    (tmp_path / "mine.yaml").write_text(RECIPE, "utf-8")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "A?", "completion": "B."}\n')

    def seen(*words):
        result = CliRunner().invoke(main, ["lint", ".", "--format", "json", *words])
        return {finding["file"].rpartition("/")[2] for finding in json.loads(result.stdout)}

    assert seen() == set()
    assert seen("--as", "axolotl") == {"axolotl.yaml"}
    assert seen("--as", "ms-swift") == {"ms-swift.yaml", "run.sh"}
