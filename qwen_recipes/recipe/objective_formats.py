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
"""Formats that an objective can learn from; the first is the default where `DEFAULT_FORMATS` has no other."""

NEXT_TOKEN_OBJECTIVES = ("sft", "pretrain")
"""Objectives whose loss is that of each next token, and not of a whole answer."""
PAIRED_OBJECTIVES = tuple(name for name, formats in FORMATS_BY_OBJECTIVE.items() if formats == ("preference",))
"""Objectives whose rows have a better and a worse answer."""

DEFAULT_FORMATS = {"sft": "conversation"}
"""Format of a source that names none: `conversation` is any of those of conversations, found by each row's columns."""

_PROMPTS = ("prompt", "messages", "conversations", "question", "query", "instruction", "input")
_COMPLETIONS = ("completion", "response", "answer", "output")
_IN_MESSAGES = ("role", "content")
_BESIDE = ("system", "system_prompt", "tools", "functions", "history")
_CHOSEN = (
    "chosen",
    "chosen_response",
    "chosen_messages",
    "accepted",
    "preferred",
    "winner",
    "better",
    "positive",
    "response_j",
    "preferred_output",
)
_REJECTED = (
    *("rejected", "rejected_response", "rejected_messages", "dispreferred", "non_preferred", "loser", "worse"),
    *("negative", "response_k", "non_preferred_output"),
)
COLUMNS_BY_FORMAT: dict[str, tuple[str, ...]] = {
    "messages": ("messages", *_IN_MESSAGES, *_BESIDE[:4]),
    "sharegpt": ("conversations", "conversation", *_IN_MESSAGES, *_BESIDE[:4]),
    "alpaca": ("instruction", "input", *_COMPLETIONS, *_BESIDE),
    "prompt-completion": ("prompt", "messages", "query", "question", "completion", "response", "answer", *_BESIDE),
    "text": ("text", "messages"),
    "preference": (*_PROMPTS, *_CHOSEN, *_REJECTED, "completions", *_COMPLETIONS, *_IN_MESSAGES, *_BESIDE),
    "kto": (*_PROMPTS, "chosen", *_COMPLETIONS, "label", "kto_tag", *_IN_MESSAGES, *_BESIDE),
}
"""Names that `columns` of a source may give; under `prompt`, any, since rewards may ask for it."""

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
