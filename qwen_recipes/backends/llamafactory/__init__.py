"""LLaMA-Factory: one YAML and a dataset_info.json, read by `llamafactory-cli train`."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.llamafactory.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.llamafactory.guard_keys import GUARD_KEYS
from qwen_recipes.backends.llamafactory.native_values import NATIVE_VALUES
from qwen_recipes.backends.llamafactory.unsupported import RESUME_UNSUPPORTED, UNSUPPORTED_SETTINGS
from qwen_recipes.backends.llamafactory.verification import VERIFICATION
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.versions import parse_version
from qwen_recipes.package_data import find_package_data

VERSION = "0.9.5"
OLDER_VERSIONS = ("0.9.4",)


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, the list of data sets, what sharding needs, and the launch script."""
    files = [
        OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True),
        OutputFile("dataset_info.json", "dataset_info.json.j2", "json"),
        OutputFile("run.sh", "run.sh.j2", "shell"),
    ]
    if plan.hardware.deepspeed:
        files.append(OutputFile("deepspeed.json", "deepspeed.json.j2", "json"))
    elif plan.hardware.fsdp:
        files.append(OutputFile("fsdp.yaml", "fsdp.yaml.j2", "yaml"))
    return files


def tokenizes_preferences(plan: Plan) -> bool:
    """Whether preference rows are made into ids beforehand."""
    kto = plan.objective.type == "kto"
    return (plan.objective.pairs or kto) and parse_version(plan.backend_version) >= parse_version("0.9.5")


def choose_row_shape(plan: Plan) -> str:
    """Text as a conversation; preferences as ids, before 0.9.5 in its ShareGPT form.

    A Base model's rows stay conversations: its end of turn is set by a template that writes marks itself.
    """
    kind = plan.objective.type
    if plan.chat.exact:
        return "tokenized"
    if kind == "sft":
        return "messages" if plan.chat.template == "base" else "spoken"
    if tokenizes_preferences(plan):
        return "tokenized-pair" if plan.objective.pairs else "tokenized-label"
    return "pair" if plan.objective.pairs else {"pretrain": "text", "kto": "labelled"}.get(kind, "messages")


def tokenizes_differently(plan: Plan) -> bool:
    """Its own `qwen3` template for a Base model, no Jinja file, and texts that end with the tokenizer's end token."""
    own_template = plan.chat.template == "base" or not plan.chat.official
    return plan.objective.type == "pretrain" or (plan.objective.type == "sft" and own_template)


BACKEND = Backend(
    name="llamafactory",
    title="LLaMA-Factory",
    version=VERSION,
    folder=Path(__file__).parent,
    distribution="llamafactory",
    templates=find_package_data("templates") / "llamafactory",
    schema_file=find_package_data("schemas") / "backends" / f"llamafactory-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    guard_keys=GUARD_KEYS,
    list_output_files=list_output_files,
    packed_attention="sdpa",
    packed_attention_since="0.9.5",
    pack_reserve=1,
    stores_quantized_in_compute_dtype=True,
    largest_packed_micro_batch={"flash_attention_2": 1},
    resume_argument="resume_from_checkpoint={}",
    resume_unsupported=RESUME_UNSUPPORTED,
    unsupported_settings=UNSUPPORTED_SETTINGS,
    older_versions=OLDER_VERSIONS,
    choose_row_shape=choose_row_shape,
    tokenizes_differently=tokenizes_differently,
    verification=VERIFICATION,
)
