"""The chat template of a plan, as text: an official one, the model's own, or a file of the recipe's."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import OWN_TEMPLATE, Plan
from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.rows.tool_styles import JSON
from qwen_recipes.data.tool_style import find_tool_style
from qwen_recipes.filesystem.read_file import read_text
from qwen_recipes.qwen.chat_templates import detect_template_variant, read_template
from qwen_recipes.qwen.models import get_model_facts


def read_plan_template(plan: Plan, folder: Path) -> str:
    """The text of a plan's chat template. `folder` is the recipe's. Raises OSError for a file of the recipe's."""
    if plan.chat.official:
        return read_template(plan.chat.template)
    if plan.chat.template == OWN_TEMPLATE:
        return get_model_facts(plan.model, folder).own_template or ""
    return read_text(folder / plan.chat.template, "template")


def find_plan_tool_style(plan: Plan, folder: Path) -> str:
    """How the plan's chat template writes tools, by the name in `rows.tool_styles`. Raises as `read_plan_template`."""
    if plan.chat.official or not plan.objective.chat:
        return JSON
    return find_tool_style(read_plan_template(plan, folder))


def make_plan_renderer(plan: Plan, folder: Path) -> TemplateRenderer:
    """What renders the plan's conversations; a file that holds an official template counts as it. Raises OSError."""
    if plan.chat.official:
        return TemplateRenderer(plan.chat.template)
    text = read_plan_template(plan, folder)
    variant = detect_template_variant(text)
    return TemplateRenderer(variant) if variant else TemplateRenderer("unknown", text)
