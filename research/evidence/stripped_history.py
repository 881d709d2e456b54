"""A turn's prompt is no prefix of the whole conversation: hybrid and Thinking templates strip earlier reasoning."""

from __future__ import annotations

from evidence_result import report_result

from qwen_recipes.qwen.chat_templates import read_template, render_conversation

GUARDS = ("QR307",)
ENVIRONMENT = ""
REASONING = "<think>\nAdd them.\n</think>\n\n"
CHAT = [
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": f"{REASONING}4"},
    {"role": "user", "content": "And 3+3?"},
    {"role": "assistant", "content": f"{REASONING}6"},
]


def keeps_prefix(variant: str) -> bool:
    """Whether the first exchange, rendered alone, stands at the beginning of the whole."""
    return render_conversation(read_template(variant), CHAT).startswith(
        render_conversation(read_template(variant), CHAT[:2])
    )


variants = ("hybrid", "thinking-2507", "instruct-2507")
seen = {
    variant: {
        "prefix": keeps_prefix(variant),
        "thoughts": render_conversation(read_template(variant), CHAT).count("Add them."),
    }
    for variant in variants
}
report_result(
    {f"{variant} loses the first thought": not seen[variant]["prefix"] for variant in variants[:2]},
    {"Instruct-2507 keeps its history": bool(seen["instruct-2507"]["prefix"])},
    seen,
    ("jinja2",),
)
