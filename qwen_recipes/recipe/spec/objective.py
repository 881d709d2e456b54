"""The training objective."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from qwen_recipes.recipe.spec.section import Section, optional_field, required_field
from qwen_recipes.recipe.spec.short_forms import ShortForm, expand_word
from qwen_recipes.recipe.spec.text_forms import PYTHON_FILE, PYTHON_NAME, SERVER

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
    """A Python function `function(completions, prompts, **columns)` that returns one number per answer."""

    path: str = required_field(
        "Python file with the function, relative to the recipe.", example="rewards.py", pattern=PYTHON_FILE
    )
    function: str = required_field("Name of the function in the file.", example="right_answer", pattern=PYTHON_NAME)
    weight: float | None = optional_field(
        "Weight of the score in the total reward.", example=1.0, ge=-1000.0, le=1000.0
    )


class Objective(Section):
    """The training objective: conversations, plain text, preference pairs, labels or rewards."""

    type: ObjectiveName | None = optional_field(
        "`pretrain`: next-token loss on plain text; `sft`: next-token loss on the turns in `chat.train_on`; `dpo`, "
        "`orpo`, "
        "`simpo`: preference pairs; `kto`: answers labelled good or bad; `reward`: a reward model from preference "
        "pairs; `grpo`: reinforcement learning on sampled answers, scored by `rewards`.",
        example="sft",
    )
    loss: DpoLoss | None = optional_field("Loss of DPO.", example="sigmoid")
    beta: float | None = optional_field(
        "Strength of the penalty for diverging from the reference model (dpo, kto, grpo); weight of the preference "
        "term "
        "(orpo); scale of the reward (simpo).",
        example=0.1,
        ge=0.0,
        le=100.0,
    )
    gamma: float | None = optional_field("Target margin of SimPO.", example=1.0, ge=0.0, le=100.0)
    label_smoothing: float | None = optional_field(
        "Assumed share of wrongly labelled pairs (dpo).", example=0.1, ge=0.0, lt=0.5
    )
    sft_weight: float | None = optional_field(
        "Weight of an added next-token loss on the chosen answer (dpo, simpo).",
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
        "Weight of an added KL divergence from the initial model (sft).",
        example=0.05,
        gt=0.0,
        le=10.0,
    )
    reference: Literal["start", "base"] | None = optional_field(
        "Reference model (dpo, kto, grpo, and sft with `kl_weight`): `start`, the model before training; `base`, the "
        "model without the adapter of `method.start_from`.",
        example="start",
    )
    rewards: Annotated[list[Reward], Field(min_length=1)] | None = optional_field(
        "Reward functions; the reward of an answer is their weighted sum (grpo).",
        example=[{"path": "rewards.py", "function": "right_answer"}],
    )
    generations: int | None = optional_field("Answers sampled per prompt (grpo).", example=8, ge=2)
    max_completion_length: int | None = optional_field(
        "Maximum length of a sampled answer, in tokens (grpo).", example=512, ge=1
    )
    temperature: float | None = optional_field("Sampling temperature (grpo).", example=1.0, gt=0.0, le=10.0)
    top_p: float | None = optional_field(
        "Nucleus sampling: total probability of the tokens to sample from (grpo).",
        example=0.95,
        gt=0.0,
        le=1.0,
    )
    top_k: int | None = optional_field(
        "Number of most likely tokens to sample from; 0 means all (grpo).", example=20, ge=0, le=1_000_000
    )
    vllm: Literal["none", "colocate", "server"] | None = optional_field(
        "Sample with vLLM (grpo): `colocate` on the training GPUs, `server` on a running vLLM server.",
        example="colocate",
    )
    vllm_memory: float | None = optional_field(
        "Share of GPU memory for vLLM (`vllm: colocate`).", example=0.3, gt=0.0, lt=1.0
    )
    vllm_server: str | None = optional_field(
        "Host and port of the vLLM server (`vllm: server`).",
        example="localhost:8000",
        pattern=SERVER,
    )
    epsilon: float | None = optional_field(
        "Clipping range of the probability ratio (grpo).", example=0.2, gt=0.0, lt=1.0
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
