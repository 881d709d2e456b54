"""Qwen3's tokenizer and token counter, for every test that counts."""

import pytest

from qwen_recipes.data.token_counter import TokenCounter
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import get_model_facts

pytest.importorskip("tokenizers")

from qwen_recipes.data.tokenizer import load_tokenizer

MODEL: ModelFacts = get_model_facts("Qwen/Qwen3-4B")
TOKENIZER = load_tokenizer(MODEL)
COUNTER = TokenCounter(TOKENIZER)
