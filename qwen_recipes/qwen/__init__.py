"""What is true of Qwen3: model registry, tokenizer, chat templates, parameter counts."""
