"""Which layout of rows each objective learns from, and which fields belong to which objective."""

FORMATS_BY_OBJECTIVE: dict[str, tuple[str, ...]] = {
    "pretrain": ("text",),
    "sft": ("messages", "sharegpt", "alpaca", "prompt-completion"),
    "dpo": ("preference",),
    "orpo": ("preference",),
    "simpo": ("preference",),
    "reward": ("preference",),
    "kto": ("kto",),
    "grpo": ("prompt",),
    "ppo": ("messages",),
}
"""Layouts that an objective can learn from; the first is the default."""

OBJECTIVES_BY_FIELD: dict[str, tuple[str, ...]] = {
    "loss": ("dpo",),
    "beta": ("dpo", "orpo", "simpo", "kto", "grpo"),
    "gamma": ("simpo",),
    "label_smoothing": ("dpo",),
    "sft_weight": ("dpo", "simpo"),
    "desirable_weight": ("kto",),
    "undesirable_weight": ("kto",),
    "kl_weight": ("sft",),
    "reference": ("dpo", "kto", "grpo", "sft"),
    "rewards": ("grpo",),
    "generations": ("grpo",),
    "max_completion_length": ("grpo",),
    "temperature": ("grpo",),
    "top_p": ("grpo",),
    "top_k": ("grpo",),
    "vllm": ("grpo",),
    "vllm_memory": ("grpo",),
    "vllm_server": ("grpo",),
    "epsilon": ("grpo",),
}
"""Objectives that a field of `objective` means something to."""

LOW_RANK_OPTIMIZERS = ("galore_adamw", "apollo_adamw")
"""Optimizers that keep their state in a projection of the gradient to a low rank."""
