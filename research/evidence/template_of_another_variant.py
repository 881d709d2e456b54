"""Another variant's template asks another question: the Thinking one opens a thought that Instruct-2507 never has."""

from __future__ import annotations

from evidence_result import report_result

from qwen_recipes.qwen.chat_templates import read_template, render_conversation

GUARDS = ("QR303",)
ENVIRONMENT = ""
QUESTION = [{"role": "user", "content": "2+2?"}]
CHAT = [*QUESTION, {"role": "assistant", "content": "4"}]
variants = ("hybrid", "base", "instruct-2507", "thinking-2507")
prompts = {
    variant: render_conversation(read_template(variant), QUESTION, add_generation_prompt=True)[-30:]
    for variant in variants
}
empty = {variant: "<think>\n\n</think>" in render_conversation(read_template(variant), CHAT) for variant in variants}
report_result(
    {
        "Thinking-2507 ends the prompt inside a thought": prompts["thinking-2507"].endswith("<think>\n"),
        "hybrid writes an empty thought into an answer": empty["hybrid"],
    },
    {
        "Instruct-2507 stops after the role": prompts["instruct-2507"].endswith("assistant\n"),
        "Instruct-2507 writes no thought": not empty["instruct-2507"],
    },
    {"prompts": prompts, "empty thought": empty},
    ("jinja2",),
)
