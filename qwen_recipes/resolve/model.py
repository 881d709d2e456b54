"""The model: what the registry, or the folder's own config.json, says of it."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import ChatPlan, ModelPlan
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.chat_templates import find_syntax_error
from qwen_recipes.qwen.models import ModelFacts, ModelFolderError, UnknownModelError, get_model_facts
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.chat import Chat
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.origins import SET_IN_RECIPE
from qwen_recipes.resolve.turns import resolve_turns


def find_model(recipe: Recipe, folder: Path, decisions: PlanDecisions) -> ModelFacts:
    """The facts about the recipe's model. Raises RecipeError where there are none."""
    try:
        return get_model_facts(recipe.model.id, folder)
    except (UnknownModelError, ModelFolderError) as error:
        message, _, instead = str(error).partition("; ")
        decisions.report_problem(("model", "id"), message, instead)
        raise RecipeError(decisions.problems) from None


def resolve_model(recipe: Recipe, facts: ModelFacts, decisions: PlanDecisions) -> ModelPlan:
    """Where the model comes from and what it is."""
    revision = recipe.model.revision
    local = facts.source != "registry"
    if local and revision is not None:
        decisions.report_problem(
            ("model", "revision"), "a local folder has no revision", "remove `revision`, or use a hub id"
        )
    decisions.derive_value("model.id", recipe.model.id, SET_IN_RECIPE, "model.id")
    decisions.choose_value("model.revision", revision, None, "the latest on the hub")
    said = f"from {'the registry' if not local else 'config.json'}"
    for name in ("local", "model_type", "variant", "layer_class", "max_positions", "dense", "tied"):
        decisions.derive_value(f"model.{name}", None, said, origin="model")
    return ModelPlan(
        id=facts.id if not local else _expand_home(recipe.model.id),
        revision=revision,
        local=local,
        model_type=facts.model_type,
        variant=facts.variant,
        layer_class=facts.layer_class,
        max_positions=facts.max_positions,
        dense=facts.dense,
        tied=facts.tied_embeddings,
    )


def _expand_home(model: str) -> str:
    return str(Path(model).expanduser()) if model.startswith("~") else model


OFFICIAL_TEMPLATES = ("hybrid", "base", "instruct-2507", "thinking-2507")


def resolve_chat(
    chat: Chat | None, objective: str, facts: ModelFacts, folder: Path, decisions: PlanDecisions
) -> ChatPlan:
    """Template, trained turns, and the tokens that end a turn and fill a batch."""
    chat = chat or Chat.make_empty()
    asked = None if chat.template == "auto" else chat.template
    variant = facts.variant if facts.variant in OFFICIAL_TEMPLATES else "hybrid"
    template = decisions.choose_value(
        "chat.template", asked, variant, f"official template of the variant {variant}", "model"
    )
    if chat.template == "auto":
        decisions.derive_value(
            "chat.template",
            variant,
            f"auto: official template of the variant {variant}",
            "chat.template",
            origin="model",
        )
    if template not in OFFICIAL_TEMPLATES and not template.endswith((".jinja", ".jinja2")):
        decisions.report_problem(
            ("chat", "template"),
            f"`{template}` is neither an official template nor a .jinja file",
            f"auto, {', '.join(OFFICIAL_TEMPLATES)}, or the path of a .jinja file",
        )
    elif template not in OFFICIAL_TEMPLATES and (problem := _find_template_error(folder / template)):
        decisions.report_problem(("chat", "template"), f"`{template}` is not a valid Jinja template: {problem}")
    decisions.derive_value("chat.official", None, "whether this is an official Qwen template", "chat.template")
    train_on = decisions.choose_value("chat.train_on", chat.train_on, "assistant", "loss on the assistant's turns only")
    thinking = None if chat.thinking == "auto" else chat.thinking
    why = "empty think blocks are not in the loss (QR309)"
    if chat.thinking == "auto":
        decisions.derive_value("chat.thinking", "auto", why, "chat.thinking")
    else:
        decisions.choose_value("chat.thinking", thinking, "auto", why)
    return ChatPlan(
        template=template,
        official=template in OFFICIAL_TEMPLATES,
        train_on=train_on,
        thinking=thinking or "auto",
        turns=resolve_turns(chat, template, objective, train_on, decisions),
        eos=_resolve_end_token(objective, decisions),
        encoding=_resolve_encoding(chat.encoding, objective, decisions),
        pad=decisions.derive_value("chat.pad", END_OF_TEXT, "not the end-of-turn token (QR302)", origin="model"),
    )


def _find_template_error(file: Path) -> str | None:
    """What is wrong with a template; None for one that is not here: a recipe may run on another machine."""
    try:
        return find_syntax_error(file.read_text("utf-8"))
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    except OSError:
        return None


def _resolve_encoding(requested: str | None, objective: str, decisions: PlanDecisions) -> str:
    if requested == "exact" and objective not in ("sft", "pretrain"):
        decisions.report_problem(
            ("chat", "encoding"),
            "`chat.encoding: exact` supports SFT and pre-training only",
            "encoding: native",
            "frameworks tokenize preference pairs themselves",
        )
    if requested == "exact":
        cost = "set in the recipe; needs three to four times the disk space"
        return decisions.derive_value("chat.encoding", requested, cost, "chat.encoding")
    return decisions.choose_value("chat.encoding", requested, "native", "the framework tokenizes the prepared text")


def _resolve_end_token(objective: str, decisions: PlanDecisions) -> str:
    if objective == "pretrain":
        return decisions.derive_value("chat.eos", END_OF_TEXT, "ends a text in Qwen3's pre-training", origin="model")
    return decisions.derive_value(
        "chat.eos", END_OF_TURN, "ends every turn of Qwen3's templates (QR301)", origin="model"
    )
