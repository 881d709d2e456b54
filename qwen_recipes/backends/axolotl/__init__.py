"""Axolotl: one YAML, read by `axolotl train`."""

from __future__ import annotations

from qwen_recipes.backends.axolotl.native_values import NATIVE_VALUES
from qwen_recipes.backends.axolotl.unsupported import UNSUPPORTED_SETTINGS
from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.package_data import find_package_data

VERSION = "0.21.0"
OLDER_VERSIONS = ("0.16.1",)


def list_output_files(plan: Plan) -> list[OutputFile]:
    """The config, DeepSpeed's where it shards, and the launch script. FSDP2 stands in the config."""
    files = [OutputFile("train.yaml", "train.yaml.j2", "yaml", config=True), OutputFile("run.sh", "run.sh.j2", "shell")]
    if plan.hardware.deepspeed:
        files.append(OutputFile("deepspeed.json", "deepspeed.json.j2", "json"))
    return files


ROW_SHAPES = {
    "pretrain": "text",
    "sft": "segments",
    "dpo": "rendered-pair",
    "simpo": "rendered-pair",
    "orpo": "threads",
    "kto": "rendered-label",
    "reward": "turn",
    "grpo": "rendered-prompt",
    "ppo": "messages",
}


def choose_row_shape(plan: Plan) -> str:
    """Text cut where loss begins and ends; preferences as text, since its own readers drop fields (DPODataset)."""
    if plan.chat.exact:
        return "tokenized"
    if plan.objective.type == "sft" and not plan.chat.official:
        return "marked-messages"
    return ROW_SHAPES[plan.objective.type]


BACKEND = Backend(
    name="axolotl",
    title="Axolotl",
    version=VERSION,
    package="axolotl",
    distribution="axolotl",
    templates=find_package_data("templates") / "axolotl",
    schema_file=find_package_data("schemas") / "backends" / f"axolotl-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    list_output_files=list_output_files,
    resume_argument="--resume-from-checkpoint={}",
    unsupported_settings=UNSUPPORTED_SETTINGS,
    older_versions=OLDER_VERSIONS,
    choose_row_shape=choose_row_shape,
    tokenizes_differently=lambda plan: plan.objective.type == "sft" and not plan.chat.official,
)
