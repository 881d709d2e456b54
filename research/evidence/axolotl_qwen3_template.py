"""Axolotl's own `qwen3` template is not Qwen's: its prompt opens a thought where the official one stops."""

from __future__ import annotations

from axolotl.utils.chat_templates import get_chat_template
from evidence_result import report_result

from qwen_recipes.qwen.chat_templates import read_template, render_conversation

GUARDS = ("QR304",)
ENVIRONMENT = "axolotl"
QUESTION = [{"role": "user", "content": "2+2?"}]
own = render_conversation(get_chat_template("qwen3"), QUESTION, add_generation_prompt=True)
official = render_conversation(read_template("hybrid"), QUESTION, add_generation_prompt=True)
report_result(
    {"Axolotl's opens a thought": "<think>" in own},
    {"the official one does not": "<think>" not in official},
    {"axolotl": own[-40:], "official": official[-40:]},
    ("axolotl",),
)
