"""Names in transformers' TrainingArguments, for the frameworks whose configs hand them on."""

STEP_KEYS = {
    "steps": "max_steps",
    "warmup_steps": "warmup_steps",
    "warmup_ratio": "warmup_ratio",
    "scheduler_options": "lr_scheduler_kwargs",
    "decay_steps": "num_decay_steps",
    "stable_steps": "num_stable_steps",
}
"""Keys that count steps, or a share of them; the last two stand under `scheduler_options`."""
