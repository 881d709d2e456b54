"""TRL: one YAML, read by the script of each method (`trl sft`, `trl dpo`, …)."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.sampled_prompts import count_sampled_prompts
from qwen_recipes.backends.trl.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.trl.guard_keys import GUARD_KEYS
from qwen_recipes.backends.trl.native_values import NATIVE_VALUES
from qwen_recipes.backends.trl.unsupported import RESUME_UNSUPPORTED, UNSUPPORTED_SETTINGS
from qwen_recipes.backends.trl.verification import VERIFICATION
from qwen_recipes.backends.trl.weights_dtype import choose_weights_cast
from qwen_recipes.package_data import find_package_data

VERSION = "1.16.0"
OLDER_VERSIONS = ("1.14.1",)
ROW_SHAPES = {
    # Ids: its SFT would count the line end after an answer to the loss, and render earlier turns by another template.
    "sft": "tokenized",
    "pretrain": "tokenized",
    "dpo": "pair-ids",
    "kto": "label-ids",
    "reward": "reward-ids",
    # Text of the official template
    "grpo": "rendered-prompt",
}


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, what several processes need, and the launch script."""
    method = NATIVE_VALUES["method"].get(plan.objective.type, "sft")
    files = [
        OutputFile(
            "train.yaml", "train.yaml.j2", "yaml", config=True, schema_definition="" if method == "sft" else method
        ),
        OutputFile("run.sh", "run.sh.j2", "shell"),
    ]
    if plan.hardware.strategy != "single":
        files.append(OutputFile("accelerate.yaml", "accelerate.yaml.j2", "yaml"))
    if plan.hardware.deepspeed:
        files.append(OutputFile("deepspeed.json", "deepspeed.json.j2", "json"))
    return files


BACKEND = Backend(
    name="trl",
    title="TRL",
    version=VERSION,
    folder=Path(__file__).parent,
    distribution="trl",
    templates=find_package_data("templates") / "trl",
    schema_file=find_package_data("schemas") / "backends" / f"trl-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    guard_keys=GUARD_KEYS,
    list_output_files=list_output_files,
    packed_attention="sdpa",
    resume_argument="--resume_from_checkpoint={}",
    resume_unsupported=RESUME_UNSUPPORTED,
    unsupported_settings=UNSUPPORTED_SETTINGS,
    older_versions=OLDER_VERSIONS,
    choose_row_shape=lambda plan: ROW_SHAPES.get(plan.objective.type, "messages"),
    choose_weights_cast=choose_weights_cast,
    uses_trainer_plugin=lambda plan: True,
    count_needed_examples=count_sampled_prompts,
    verification=VERIFICATION,
)
