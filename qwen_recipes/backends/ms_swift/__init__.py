"""ms-swift: one YAML whose keys are the flags of `swift sft`."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.ms_swift.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.ms_swift.guard_keys import GUARD_KEYS
from qwen_recipes.backends.ms_swift.native_values import NATIVE_VALUES
from qwen_recipes.backends.ms_swift.plugins import choose_plugins, tokenizes_preferences
from qwen_recipes.backends.ms_swift.unsupported import UNSUPPORTED_SETTINGS
from qwen_recipes.backends.ms_swift.verification import VERIFICATION
from qwen_recipes.backends.ms_swift.weights_dtype import PLUGIN, choose_weights_cast
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.sampled_prompts import count_distilled_examples
from qwen_recipes.package_data import find_package_data

VERSION = "4.6.0"
OLDER_VERSIONS = ("3.12.6",)


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, what sharding needs, and the launch script."""
    rlhf = not plan.objective.next_token or plan.objective.kl_weight is not None
    if plan.hardware.megatron:
        config = OutputFile("train.yaml", "megatron.yaml.j2", "yaml", config=True, schema_definition="megatron")
        return [config, OutputFile("run.sh", "run.sh.j2", "shell")]
    config = OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True, schema_definition="rlhf" if rlhf else "")
    files = [config, OutputFile("run.sh", "run.sh.j2", "shell")]
    if plan.hardware.deepspeed:
        files.append(OutputFile("deepspeed.json", "deepspeed.json.j2", "json"))
    elif plan.hardware.strategy == "fsdp":
        files.append(OutputFile("fsdp.json", "fsdp.json.j2", "json"))
    return files


def choose_row_shape(plan: Plan) -> str:
    """Turns of the official text; preferences as ids that stand in the text of answers (rows/ms_swift_template.py)."""
    if plan.chat.exact:
        return "tokenized-text"
    if tokenizes_preferences(plan):
        return "tokenized-pair-text" if plan.objective.pairs else "tokenized-label-text"
    kinds = {"sft": "turns", "pretrain": "text", "kto": "labelled", "grpo": "prompt"}
    return "rejected" if plan.objective.pairs else kinds.get(plan.objective.type, "messages")


def tokenizes_differently(plan: Plan) -> bool:
    """It reads no Jinja file, and a text ends with the tokenizer's end token: only a Base model's ends a text."""
    own_template = plan.objective.type == "sft" and not plan.chat.official
    return own_template or (plan.objective.type == "pretrain" and plan.model.variant != "base")


BACKEND = Backend(
    name="ms-swift",
    title="ms-swift",
    version=VERSION,
    folder=Path(__file__).parent,
    distribution="ms-swift",
    templates=find_package_data("templates") / "ms_swift",
    schema_file=find_package_data("schemas") / "backends" / f"ms-swift-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    guard_keys=GUARD_KEYS,
    list_output_files=list_output_files,
    resume_argument="--resume_from_checkpoint={}",
    unsupported_settings=UNSUPPORTED_SETTINGS,
    older_versions=OLDER_VERSIONS,
    choose_row_shape=choose_row_shape,
    choose_weights_cast=choose_weights_cast,
    weights_plugin=PLUGIN,
    joined_lists=frozenset({"callbacks", "external_plugins"}),
    count_needed_examples=count_distilled_examples,
    choose_plugins=choose_plugins,
    uses_trainer_plugin=lambda plan: "trainer_plugin.py" in choose_plugins(plan) and not plan.hardware.megatron,
    tokenizes_differently=tokenizes_differently,
    verification=VERIFICATION,
)
