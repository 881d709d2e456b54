"""The model: what the registry, or the folder's own config.json, says of it."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import OWN_TEMPLATE, ChatPlan, ModelPlan
from qwen_recipes.filesystem.home_folder import expand_home
from qwen_recipes.filesystem.read_file import read_text
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.chat_templates import find_template_problem
from qwen_recipes.qwen.models import ModelFacts, ModelFolderError, UnknownModelError, get_model_facts
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN
from qwen_recipes.recipe.objective_formats import NEXT_TOKEN_OBJECTIVES
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.chat import Chat
from qwen_recipes.resolve.decisions import PlanDecisions
from qwen_recipes.resolve.origins import SET_IN_RECIPE
from qwen_recipes.resolve.turns import resolve_turns


def find_model(recipe: Recipe, folder: Path, decisions: PlanDecisions) -> ModelFacts:
    """The facts about the recipe's model. Raises RecipeError where there are none."""
    try:
        return get_model_facts(recipe.model, folder)
    except (UnknownModelError, ModelFolderError) as error:
        message, _, instead = str(error).partition("; ")
        decisions.report_problem(("model", "id"), message, instead)
        raise RecipeError(decisions.problems) from None


def resolve_model(recipe: Recipe, facts: ModelFacts, decisions: PlanDecisions) -> ModelPlan:
    """Where the model comes from and what it is."""
    revision = recipe.model.revision
    local = facts.local
    if local and revision is not None:
        decisions.report_problem(
            ("model", "revision"), "a local folder has no revision", "remove `revision`, or use a hub id"
        )
    fields = ("model.id", "model.like") if recipe.model.like else ("model.id",)
    decisions.derive_value("model.id", recipe.model.id, SET_IN_RECIPE, *fields)
    decisions.choose_value("model.revision", revision, None, "the latest on the hub")
    source = decisions.choose_value("model.source", recipe.model.source, None, "the Hugging Face hub")
    if local and source is not None:
        message = f"`source: {source}` applies to a hub id; {recipe.model.id} is a folder"
        decisions.report_problem(("model", "source"), message, "remove `source`")
    decisions.choose_value("model.like", recipe.model.like, None, "the model itself is known")
    said = _FACTS_FROM[facts.origin].format(like=recipe.model.like)
    for name in ("local", "model_type", "variant", "layer_class", "max_positions", "dense", "tied"):
        decisions.derive_value(f"model.{name}", None, said, origin="model")
    return ModelPlan(
        id=facts.id if not local else _expand_home(recipe.model.id),
        revision=revision,
        local=local,
        like=recipe.model.like,
        source=source,
        model_type=facts.model_type,
        variant=facts.variant,
        layer_class=facts.layer_class,
        max_positions=facts.max_positions,
        dense=facts.dense,
        tied=facts.tied_embeddings,
    )


_FACTS_FROM = {
    "registry": "a known Qwen release",
    "folder": "from config.json",
    "cache": "from config.json in the hub's local cache",
    "like": "as {like}",
    "run": "of the model that the earlier run starts from",
}


def _expand_home(model: str) -> str:
    return str(expand_home(model)) if model.startswith("~") else model


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
    if template == OWN_TEMPLATE:
        _check_own_template(facts, decisions)
    elif template not in OFFICIAL_TEMPLATES and not template.endswith((".jinja", ".jinja2")):
        decisions.report_problem(
            ("chat", "template"),
            f"`{template}` is neither an official template nor a .jinja file",
            f"auto, own, {', '.join(OFFICIAL_TEMPLATES)}, or the path of a .jinja file",
        )
    elif template not in OFFICIAL_TEMPLATES and (problem := _find_template_error(folder / template)):
        decisions.report_problem(("chat", "template"), f"`{template}` {problem}")
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


def _check_own_template(facts: ModelFacts, decisions: PlanDecisions) -> None:
    if facts.own_template is None:
        message = f"`own`: {facts.id} has no chat template other than Qwen's"
        decisions.report_problem(("chat", "template"), message, "chat: {template: auto}")
    elif problem := find_template_problem(facts.own_template):
        decisions.report_problem(
            ("chat", "template"), f"the chat template of {facts.id} is not a valid Jinja template: {problem}"
        )


def _find_template_error(file: Path) -> str | None:
    """Why the recipe's own template can't be used; None for one that is not here, which `lint` and `compile` name."""
    try:
        problem = find_template_problem(read_text(file, "template"))
    except UnicodeDecodeError:
        return "is not a valid Jinja template: it is not UTF-8 text"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return f"is not a valid Jinja template: {problem}" if problem else None


def _resolve_encoding(requested: str | None, objective: str, decisions: PlanDecisions) -> str:
    if requested == "exact" and objective not in NEXT_TOKEN_OBJECTIVES:
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
