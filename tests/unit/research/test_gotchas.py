"""Each gotcha goes wrong when it is run, `recipes` says so, and the page has what was printed."""

import pytest

from research.gotchas.gotchas_page import NAMES, render_demonstration
from tests.conftest import ROOT

pytest.importorskip("transformers")

SHOWN = {
    "last_turn": (
        "the whole begins with the first exchange: False",
        "warning[QR307]",
        "[[<think>\nTwo and two.\n</think>\n\n4<|im_end|>]]",
        "<think>\n\n</think>\n\n[[6<|im_end|>]]",
    ),
    "base_never_stops": (
        "base    eos <|endoftext|> pad <|endoftext|> eos in the chat: 0",
        "Qwen3-0.6B-Base: False\nQwen3-0.6B-Base with eot_tokens: True",
        "axolotl.yaml:1:13: error[QR301]",
        "taken-away.yaml:5:42: error[QR301]",
        "[[4<|im_end|>]]",
        'eot_tokens: ["<|im_end|>"]\n```',
    ),
    "assistant_mask": (
        *(f"{variant:13} {count} tokens, of the assistant's by the mask: 0"
          for variant, count in (("hybrid", 23), ("base", 23), ("instruct-2507", 15), ("thinking-2507", 23))),
        "22 tokens, 10 of them trained",
        "error[QR513]",
    ),
    "think_tags": (
        "assistant\n4<|im_end|>\n\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n<think>",
        "error[QR505]: Reasoning for Instruct-2507, which has none: 2",
        "plain.jsonl:1: 14 tokens, 2 of them trained",
        "error[QR303]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_wrong_and_is_told(name):
    said = render_demonstration(name)
    assert [words for words in SHOWN[name] if words not in said] == []
    assert said in (ROOT / "docs" / "gotchas.md").read_text("utf-8")
