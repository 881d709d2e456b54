"""qwen-recipes: a config compiler for fine-tuning Qwen3 models."""

__version__ = "0.1.0"
