"""The checker of rows for each variant, made once."""

from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.guards.rows.row_checker import RowChecker, RowCheckSettings
from qwen_recipes.qwen.models import get_model_facts

MODELS = {
    "hybrid": "Qwen/Qwen3-4B",
    "instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
    "thinking-2507": "Qwen/Qwen3-4B-Thinking-2507",
}
JUDGES = {}


def judge_of(variant, limit):
    if (variant, limit) not in JUDGES:
        JUDGES[variant, limit] = RowChecker(
            RowCheckSettings(get_model_facts(MODELS[variant]), TemplateRenderer(variant), limit=limit)
        )
    return JUDGES[variant, limit]
