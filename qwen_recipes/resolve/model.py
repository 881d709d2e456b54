"""The model: what the registry, or the folder's own config.json, says of it."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import ChatPlan, ModelPlan
from qwen_recipes.qwen.chat_templates import syntax_problem
from qwen_recipes.qwen.models import BadModelFolder, ModelFacts, UnknownModel, model_facts
from qwen_recipes.qwen.tokens import END_OF_TEXT, END_OF_TURN
from qwen_recipes.recipe.finding import RecipeError
from qwen_recipes.recipe.parts import Recipe
from qwen_recipes.recipe.parts.source import Chat
from qwen_recipes.resolve.notes import Notes


def find_model(recipe: Recipe, folder: Path, notes: Notes) -> ModelFacts:
    """The facts about the recipe's model. Raises RecipeError where there are none."""
    try:
        return model_facts(recipe.model.id, folder)
    except (UnknownModel, BadModelFolder) as error:
        message, _, instead = str(error).partition("; ")
        notes.refuse(("model", "id"), message, instead)
        raise RecipeError(notes.problems) from None


def resolve_model(recipe: Recipe, facts: ModelFacts, notes: Notes) -> ModelPlan:
    """Where the model comes from and what it is."""
    revision = recipe.model.revision
    local = facts.source != "registry"
    if local and revision is not None:
        notes.refuse(("model", "revision"), "a local folder has no revision", "remove it, or use a hub id")
    notes.derive("model.id", recipe.model.id, "set in the recipe", "model.id")
    notes.pick("model.revision", revision, None, "the newest on the hub")
    said = f"from {'the registry' if not local else 'config.json'}"
    for name in ("local", "model_type", "variant", "layer_class", "max_positions", "dense", "tied"):
        notes.derive(f"model.{name}", None, said, origin="model")
    return ModelPlan(
        id=facts.id if not local else _home(recipe.model.id),
        revision=revision,
        local=local,
        model_type=facts.model_type,
        variant=facts.variant,
        layer_class=facts.layer_class,
        max_positions=facts.max_positions,
        dense=facts.dense,
        tied=facts.tied_embeddings,
    )


def _home(model: str) -> str:
    return str(Path(model).expanduser()) if model.startswith("~") else model


OFFICIAL = ("hybrid", "base", "instruct-2507", "thinking-2507")


def resolve_chat(chat: Chat | None, objective: str, facts: ModelFacts, folder: Path, notes: Notes) -> ChatPlan:
    """Template, trained turns, and the tokens that end a turn and fill a batch."""
    chat = chat or Chat()
    asked = None if chat.template == "auto" else chat.template
    variant = facts.variant if facts.variant in OFFICIAL else "hybrid"
    template = notes.pick(
        "chat.template", asked, variant, f"the official template of this model's variant, {variant}", "model"
    )
    if chat.template == "auto":
        notes.derive(
            "chat.template", variant, f"auto: the official {variant} template", "chat.template", origin="model"
        )
    if template not in OFFICIAL and not template.endswith((".jinja", ".jinja2")):
        notes.refuse(
            ("chat", "template"),
            f"`{template}` is neither an official template nor a .jinja file",
            f"one of auto, {', '.join(OFFICIAL)}, or a path that ends in .jinja",
        )
    elif template not in OFFICIAL and (problem := _unreadable(folder / template)):
        notes.refuse(("chat", "template"), f"`{template}` is no Jinja template: {problem}")
    notes.derive("chat.official", None, "whether Qwen published the template", "chat.template")
    train_on = notes.pick("chat.train_on", chat.train_on, "assistant", "the user's words are not to be learnt")
    thinking = None if chat.thinking == "auto" else chat.thinking
    why = "an empty think block says nothing that is worth learning (QR309)"
    if chat.thinking == "auto":
        notes.derive("chat.thinking", "auto", why, "chat.thinking")
    else:
        notes.pick("chat.thinking", thinking, "auto", why)
    return ChatPlan(
        template=template,
        official=template in OFFICIAL,
        train_on=train_on,
        thinking=thinking or "auto",
        eos=_end(objective, notes),
        encoding=_encoding(chat.encoding, objective, notes),
        pad=notes.derive("chat.pad", END_OF_TEXT, "differs from the end of a turn (QR302)", origin="model"),
    )


def _unreadable(file: Path) -> str | None:
    """What is wrong with a template; None for one that is not here: a recipe may run on another machine."""
    try:
        return syntax_problem(file.read_text("utf-8"))
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    except OSError:
        return None


def _encoding(asked: str | None, objective: str, notes: Notes) -> str:
    if asked == "exact" and objective not in ("sft", "pretrain"):
        notes.refuse(
            ("chat", "encoding"),
            "only rows of SFT and pre-training can be handed over as tokens",
            "encoding: native",
            "the frameworks' preference objectives tokenize their pairs themselves",
        )
    if asked == "exact":
        cost = "set in the recipe: ids and labels from us, three to four times the text on disk"
        return notes.derive("chat.encoding", asked, cost, "chat.encoding")
    return notes.pick("chat.encoding", asked, "native", "the framework makes tokens of the prepared text")


def _end(objective: str, notes: Notes) -> str:
    if objective == "pretrain":
        return notes.derive("chat.eos", END_OF_TEXT, "ends a text in Qwen3's own pre-training", origin="model")
    return notes.derive("chat.eos", END_OF_TURN, "ends every turn of Qwen3's templates (QR301)", origin="model")
