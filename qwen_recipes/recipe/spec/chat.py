"""How a conversation becomes tokens."""

from typing import Literal

from qwen_recipes.recipe.spec.section import Section, optional_field


class Chat(Section):
    """How a conversation becomes tokens."""

    template: str | None = optional_field(
        "Chat template: `auto` (the official one of this model's variant; the model's own, if it is another and the "
        "framework can take it), `own` (the model's own), a variant's name (hybrid, base, instruct-2507, "
        "thinking-2507), or a .jinja file.",
        example="auto",
        min_length=1,
    )
    train_on: Literal["assistant", "last-assistant", "all"] | None = optional_field(
        "Which turns carry loss: every assistant turn, the last one, or everything.", example="assistant"
    )
    turns: Literal["split", "together", "last"] | None = optional_field(
        "What a conversation with several user queries becomes under `sft`. `split`: one example for each query where "
        "the template would take reasoning out of earlier turns, rendered as the model is served (tool steps within "
        "the query keep their reasoning; earlier turns are context without loss), else one example; `together`: one "
        "example, in which earlier turns are trained without their reasoning; `last`: one example, with loss on what "
        "answers the last query, tool steps included (`train_on: last-assistant` trains the last message alone). "
        "Left out: `split` for hybrid and Thinking templates and those that are not Qwen's, `last` with `train_on: "
        "last-assistant`, else `together`.",
        example="split",
    )
    thinking: Literal["auto", "train-empty"] | None = optional_field(
        "The empty think block that a hybrid model's template puts before an answer without reasoning: "
        "`auto` leaves it out of the loss, `train-empty` trains it too, so that the model learns not to think.",
        example="auto",
    )
    encoding: Literal["native", "exact"] | None = optional_field(
        "Who makes tokens of the rows: `native`, the framework from text; `exact`, `recipes`, which hands over ids and "
        "labels, the same for every framework. `exact` takes three to four times the disk space of the text. Left out: "
        "`exact` where the framework would make other tokens of these conversations (a Base model in LLaMA-Factory, a "
        "template that is not Qwen's), else `native`.",
        example="native",
    )
