"""The commands of ms-swift that read a config."""

TRAINING_COMMANDS = ("sft", "pt", "rlhf")
OTHER_COMMANDS = ("infer", "export", "merge-lora", "deploy", "eval", "rollout", "sample", "app", "web-ui")
MEGATRON_COMMANDS = (*TRAINING_COMMANDS, "export")
"""Of the program `megatron`; the others are `swift`'s."""
COMMANDS = (*TRAINING_COMMANDS, *(f"megatron {name}" for name in MEGATRON_COMMANDS), *OTHER_COMMANDS)
"""All, as configs are told apart; of equals the first."""
