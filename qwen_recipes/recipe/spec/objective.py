"""What is optimised."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word

ObjectiveName = Literal["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "grpo", "ppo"]
DpoLoss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "robust",
    "exo_pair",
    "nca_pair",
    "bco_pair",
    "sppo_hard",
    "aot",
    "apo_zero",
    "apo_down",
]


class Reward(Section):
    """A Python function that scores answers: `function(completions, prompts, **columns)`, a number for each."""

    path: str = required_field(
        "Python file with the function, relative to the recipe.", example="rewards.py", pattern=r"^.+[.]py$"
    )
    function: str = required_field(
        "Name of the function in it.", example="right_answer", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"
    )
    weight: float | None = optional_field("How much its score counts in the sum.", example=1.0, ge=-1000.0, le=1000.0)


class Objective(Section):
    """What is learnt from: conversations, plain text, pairs, labels or rewards."""

    type: ObjectiveName | None = optional_field(
        "`pretrain`: next token of plain text; `sft`: of the turns that `chat.train_on` names; `dpo`, `orpo`, `simpo`: "
        "pairs of a better and a worse answer; `kto`: answers labelled good or bad; `reward`: a model that scores; "
        "`grpo`: the model's own answers, scored by `rewards`.",
        example="sft",
    )
    loss: DpoLoss | None = optional_field("Loss of DPO.", example="sigmoid")
    beta: float | None = optional_field(
        "How closely the policy is held to its reference (dpo, kto, grpo), or the weight of the preference "
        "(orpo, simpo).",
        example=0.1,
        ge=0.0,
        le=100.0,
    )
    gamma: float | None = optional_field("Target margin of SimPO.", example=1.0, ge=0.0, le=100.0)
    label_smoothing: float | None = optional_field(
        "Share of pairs taken to be labelled wrongly (dpo).", example=0.1, ge=0.0, lt=0.5
    )
    sft_weight: float | None = optional_field(
        "Weight of the next-token loss on the chosen answer, added to the preference (dpo, simpo).",
        example=0.1,
        gt=0.0,
        le=100.0,
    )
    desirable_weight: float | None = optional_field(
        "Weight of answers labelled good (kto).", example=1.0, gt=0.0, le=100.0
    )
    undesirable_weight: float | None = optional_field(
        "Weight of answers labelled bad (kto).", example=1.0, gt=0.0, le=100.0
    )
    kl_weight: float | None = optional_field(
        "Weight of the divergence from the model as it was, added to the next-token loss (sft).",
        example=0.05,
        gt=0.0,
        le=10.0,
    )
    reference: Literal["start", "base"] | None = optional_field(
        "What the policy is compared with (dpo, kto, grpo, and sft with `kl_weight`): `start`, the model as training "
        "finds it; `base`, the model without the adapter of `method.start_from`.",
        example="start",
    )
    rewards: Annotated[list[Reward], Field(min_length=1)] | None = optional_field(
        "Functions whose weighted sum is the reward of an answer (grpo).",
        example=[{"path": "rewards.py", "function": "right_answer"}],
    )
    generations: int | None = optional_field(
        "Answers sampled to each prompt and compared with each other (grpo).", example=8, ge=2
    )
    max_completion_length: int | None = optional_field(
        "Longest answer that is sampled, in tokens (grpo).", example=512, ge=1
    )
    temperature: float | None = optional_field(
        "Temperature that answers are sampled at (grpo).", example=1.0, gt=0.0, le=10.0
    )
    top_p: float | None = optional_field(
        "Answers are sampled from the likeliest tokens that hold this much probability (grpo).",
        example=0.95,
        gt=0.0,
        le=1.0,
    )
    top_k: int | None = optional_field(
        "Answers are sampled from this many of the likeliest tokens; 0 for all (grpo).", example=20, ge=0, le=1_000_000
    )
    vllm: Literal["none", "colocate", "server"] | None = optional_field(
        "Whether vLLM samples the answers (grpo): on the GPUs that train, or on a server that runs apart.",
        example="colocate",
    )
    vllm_memory: float | None = optional_field(
        "Share of a GPU's memory that vLLM takes for itself (`vllm: colocate`).", example=0.3, gt=0.0, lt=1.0
    )
    vllm_server: str | None = optional_field(
        "Host and port of the server (`vllm: server`).", example="localhost:8000", pattern=r"^[A-Za-z0-9._-]+:[0-9]+$"
    )
    epsilon: float | None = optional_field(
        "How far the ratio of new to old probability may move before it is clipped (grpo).", example=0.2, gt=0.0, lt=1.0
    )


ObjectiveField = Annotated[
    Objective,
    ShortForm(
        partial(expand_word, "type"),
        {
            "enum": ["pretrain", "sft", "dpo", "orpo", "simpo", "kto", "reward", "grpo"],
            "description": "Short form of the objective.",
        },
    ),
]
