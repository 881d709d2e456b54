"""Axolotl: one YAML, read by `axolotl train`."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.axolotl.governed_keys import KEYS_BY_FIELD
from qwen_recipes.backends.axolotl.guard_keys import GUARD_KEYS
from qwen_recipes.backends.axolotl.native_values import NATIVE_VALUES
from qwen_recipes.backends.axolotl.plugins import choose_plugins, choose_trainer_class
from qwen_recipes.backends.axolotl.unsupported import UNSUPPORTED_SETTINGS
from qwen_recipes.backends.axolotl.verification import VERIFICATION
from qwen_recipes.backends.axolotl.weights_dtype import PLUGIN, choose_weights_cast
from qwen_recipes.backends.base import Backend, OutputFile
from qwen_recipes.backends.plan import Plan
from qwen_recipes.backends.sampled_prompts import count_sampled_prompts
from qwen_recipes.backends.versions import parse_version
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
PREFERENCE_SHAPES = {
    "dpo": "pair-ids",
    "simpo": "pair-ids",
    "orpo": "pair-ids",
    "kto": "label-ids",
    "reward": "reward-ids",
}
"""Preferences as ids, which `axolotl_preferences.py` hands to TRL's trainers; before 0.17 as text."""


def tokenizes_preferences(plan: Plan) -> bool:
    """Whether preference rows are made into ids beforehand."""
    return plan.objective.type in PREFERENCE_SHAPES and parse_version(plan.backend_version) >= parse_version("0.17")


def choose_row_shape(plan: Plan) -> str:
    """Text cut where loss begins and ends; preferences as ids, since its own readers change them."""
    if plan.chat.exact:
        return "tokenized"
    if tokenizes_preferences(plan):
        return PREFERENCE_SHAPES[plan.objective.type]
    if plan.objective.type == "sft" and not plan.chat.official:
        return "marked-messages"
    return ROW_SHAPES[plan.objective.type]


def list_plugin_files(plan: Plan) -> tuple[Path, ...]:
    """What hands preference rows that are ids already to TRL's trainers."""
    ids = choose_row_shape(plan) in ("pair-ids", "label-ids")
    return (Path(__file__).with_name("axolotl_preferences.py"),) if ids else ()


def tokenizes_differently(plan: Plan) -> bool:
    """It finds answers in a template of one's own by a rule of its own, and cuts a long text into several examples."""
    cuts = plan.objective.type == "pretrain" and plan.training.overlong == "truncate"
    return cuts or (plan.objective.type == "sft" and not plan.chat.official)


DROPS_PACKS_UNDER = frozenset({"sdpa", "eager"})
"""Under any other attention its sampler makes one long pack of a micro-batch, and drops none."""


def count_needed_packs(plan: Plan) -> int:
    """The number of packs below which nothing is trained: a batch of fewer is dropped; 0 where none is."""
    t = plan.training
    drops = t.packing and not plan.data.streaming and t.attention in DROPS_PACKS_UNDER
    return t.micro_batch_size * plan.hardware.replicas if drops else 0


def has_lora_kernels(plan: Plan) -> bool:
    """For plain adapters without dropout on dense models, on one GPU or under DDP and ZeRO (Axolotl refuses more)."""
    m, t, h = plan.method, plan.training, plan.hardware
    plain = m.adapter and m.variant == "plain" and m.dropout == 0 and not m.modules_to_save and plan.model.dense
    fused = not (t.fp8 or t.compile) and t.precision == "bf16" and plan.quantization.bits in (4, 16)
    runs = h.device == "cuda" and (h.gpu is None or h.gpu.runs_triton)
    shares = h.strategy in ("single", "ddp", "zero1", "zero2") and runs
    return plain and fused and shares and plan.objective.type == "sft" and plan.objective.kl_weight is None


BACKEND = Backend(
    name="axolotl",
    title="Axolotl",
    version=VERSION,
    folder=Path(__file__).parent,
    distribution="axolotl",
    templates=find_package_data("templates") / "axolotl",
    schema_file=find_package_data("schemas") / "backends" / f"axolotl-{VERSION}.schema.json",
    native_values=NATIVE_VALUES,
    keys_by_field=KEYS_BY_FIELD,
    guard_keys=GUARD_KEYS,
    list_output_files=list_output_files,
    packed_attention="sdpa",
    packed_attention_since="0.18",
    drops_packs_under=DROPS_PACKS_UNDER,
    varlen_attention="flex_attention",
    has_lora_kernels=has_lora_kernels,
    resume_argument="--resume-from-checkpoint={}",
    unsupported_settings=UNSUPPORTED_SETTINGS,
    older_versions=OLDER_VERSIONS,
    choose_row_shape=choose_row_shape,
    choose_weights_cast=choose_weights_cast,
    weights_plugin=PLUGIN,
    joined_lists=frozenset({"plugins"}),
    choose_plugins=choose_plugins,
    uses_trainer_plugin=lambda plan: bool(choose_plugins(plan) or choose_trainer_class(plan)),
    list_plugin_files=list_plugin_files,
    count_needed_packs=count_needed_packs,
    count_needed_examples=count_sampled_prompts,
    tokenizes_differently=tokenizes_differently,
    verification=VERIFICATION,
)
