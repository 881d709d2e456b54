"""No official Qwen3 template adds a system prompt; LLaMA-Factory's `qwen` does, its `qwen3` does not."""

from __future__ import annotations

from evidence_result import report_result
from llamafactory.data.template import TEMPLATES

from qwen_recipes.qwen.chat_templates import read_template, render_conversation

GUARDS = ("QR306",)
ENVIRONMENT = "llamafactory"
QUESTION = [{"role": "user", "content": "2+2?"}]
official = {
    v: "<|im_start|>system" in render_conversation(read_template(v), QUESTION)
    for v in ("hybrid", "base", "instruct-2507", "thinking-2507")
}
added = {name: TEMPLATES[name].default_system for name in ("qwen", "qwen3", "qwen3_nothink")}
report_result(
    {"template: qwen adds one": bool(added["qwen"])},
    {
        "qwen3 adds none": not added["qwen3"] and not added["qwen3_nothink"],
        "no official one does": not any(official.values()),
    },
    {"LLaMA-Factory": added, "official": official},
    ("llamafactory",),
)
