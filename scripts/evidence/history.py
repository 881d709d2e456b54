"""A turn's prompt is no prefix of the whole conversation: hybrid and Thinking templates strip earlier reasoning."""

from __future__ import annotations

from tell import tell

from qwen_recipes.qwen.chat_templates import render, template_text

GUARDS = ("QR307",)
ENVIRONMENT = ""
THOUGHT = "<think>\nAdd them.\n</think>\n\n"
CHAT = [
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": f"{THOUGHT}4"},
    {"role": "user", "content": "And 3+3?"},
    {"role": "assistant", "content": f"{THOUGHT}6"},
]


def kept(variant: str) -> bool:
    """Whether the first exchange, rendered alone, stands at the beginning of the whole."""
    return render(template_text(variant), CHAT).startswith(render(template_text(variant), CHAT[:2]))


variants = ("hybrid", "thinking-2507", "instruct-2507")
seen = {
    variant: {"prefix": kept(variant), "thoughts": render(template_text(variant), CHAT).count("Add them.")}
    for variant in variants
}
tell(
    {f"{variant} loses the first thought": not seen[variant]["prefix"] for variant in variants[:2]},
    {"Instruct-2507 keeps its history": bool(seen["instruct-2507"]["prefix"])},
    seen,
    ("jinja2",),
)
