"""What can be wrong with the tokenizer of a model's own folder."""

from __future__ import annotations

from qwen_recipes.errors import QwenRecipesError


class InvalidTokenizerError(QwenRecipesError, ValueError):
    """A model's own tokenizer is broken; the message names the file."""


class UnsupportedTokenizerError(InvalidTokenizerError):
    """A model's own tokenizer has steps that Qwen's have not, which are not run here."""
