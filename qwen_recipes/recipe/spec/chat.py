"""Chat template and loss mask."""

from typing import Literal

from qwen_recipes.recipe.spec.section import Section, optional_field


class Chat(Section):
    """Chat template and loss mask."""

    template: str | None = optional_field(
        "Chat template: `auto` (the official template of the model's variant, or the model's own if it is another and "
        "the framework can use it), `own` (the model's own), the name of a variant (hybrid, base, instruct-2507, "
        "thinking-2507), or a .jinja file.",
        example="auto",
        min_length=1,
    )
    train_on: Literal["assistant", "last-assistant", "all"] | None = optional_field(
        "Turns in the loss: every assistant turn, the last assistant message, or all tokens.", example="assistant"
    )
    turns: Literal["split", "together", "last"] | None = optional_field(
        "How `sft` trains a conversation with several user queries. `split`: one example per query if the template "
        "removes reasoning from earlier turns, rendered as at inference (tool steps of the query keep their "
        "reasoning; earlier turns are context without loss), else one example. `together`: one example; earlier turns "
        "are trained without their reasoning. `last`: one example with loss on the answer to the last query, tool "
        "steps included (`train_on: last-assistant` trains the last message only). Default: `split` for hybrid, "
        "Thinking and custom templates, `last` with `train_on: last-assistant`, else `together`.",
        example="split",
    )
    thinking: Literal["auto", "train-empty"] | None = optional_field(
        "Loss on the empty think block that the hybrid template puts before an answer without reasoning: `auto` masks "
        "it, `train-empty` trains it, which teaches the model not to reason.",
        example="auto",
    )
    encoding: Literal["native", "exact"] | None = optional_field(
        "Who tokenizes the data. `native`: the framework, from text. `exact`: `recipes`, which passes token ids and "
        "labels, identical for every framework; needs three to four times the disk space of the text. Default: `exact` "
        "if the framework tokenizes differently (a Base model in LLaMA-Factory, a custom template), else `native`.",
        example="native",
    )
