"""Headers of safetensors, indexes of weights, shards and trainer states of strangers; numbers of adapters."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Iterator

from tests.hostile.case import LINK, PIPE, RECIPE, ROW, Case, Content, build_recipe, rotate
from tests.hostile.files import ADAPTER, CONFIG, RECORD, TEXTS

WEIGHTS = b"\x02\0\0\0\0\0\0\0{}"
ENDLESS = 10**400
NUMBERS: dict[str, tuple[object, ...]] = {
    "r": (0, ENDLESS, True),
    "lora_alpha": (ENDLESS, -1, float("nan")),
    "lora_dropout": (ENDLESS, 2, float("inf")),
    "base_model_name_or_path": ("a\0b", "\ud800"),
    "layers_to_transform": ([ENDLESS], ENDLESS),
    "target_modules": (f"model\\.layers\\.({'9' * 5000}).*(q_proj)", "model\\.layers\\.(1).*" + "(a|" * 50_000),
}
MERGE = ("merge", "run", "-o", "out")


def _save() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("archive/data.pkl", "x")
    return content.getvalue()


SAVED = _save()
"""What is taken for a file of `torch.save` by its ends."""


def _head(text: str | bytes, length: int | None = None) -> bytes:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return struct.pack("<Q", len(content) if length is None else length) + content


HEADERS: dict[str, Content] = {
    "deep lists": _head("[" * 50_000),
    "deep maps": _head('{"a":' * 50_000),
    "a length without end": _head("{}", 2**64 - 1),
    "not a number": _head('{"a": {"data_offsets": [0, NaN]}}'),
    "infinite": _head('{"a": {"data_offsets": [0, 1e999]}}'),
    "digits": _head('{"a": {"data_offsets": [0, ' + "9" * 5000 + "]}}"),
    "offsets of text": _head('{"a": {"data_offsets": "ab"}}'),
    "two kinds": _head('{"a": {"data_offsets": [0, 1]}, "b": {"data_offsets": [0, "x"]}}'),
    "no map": _head('{"a": null}'),
    "half a pair": _head('{"\\ud800": {"data_offsets": [0, 5]}}'),
    "no utf-8": _head(b"\xff\xfe{}"),
    "cut": b"\x01",
    "pipe": PIPE,
    "device": LINK + "/dev/zero",
}
INDEX = {"metadata": {"total_size": 10}, "weight_map": {"a": "model-1.safetensors"}}
INDEXES: tuple[object, ...] = (
    *([], {"metadata": []}, {"metadata": {"total_size": ENDLESS}}, {"metadata": {"total_size": "9"}}),
    *({**INDEX, "weight_map": value} for value in ([], None, {"a": []}, {"a": "../../x"}, {"\ud800": "\x1b[2J"})),
)
STEPS = ("\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 200, "-1", "", "\x1b[2J")
STATE = {"global_step": 5, "max_steps": 10, "log_history": [{"step": 1, "loss": 2.0}]}


class _Owner:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch owned",)


def list_cases() -> Iterator[Case]:
    """Every case of these kinds."""
    rows = {"rows.jsonl": ROW}
    start = {**rows, RECIPE: build_recipe(method={"type": "lora", "start_from": "run"})}
    looks = (("lint", RECIPE), ("compile", RECIPE), ("plan", RECIPE))
    commands = rotate(looks)
    for key, values in NUMBERS.items():
        for number, value in enumerate(values):
            config = json.dumps({**ADAPTER, key: value})
            files = {**start, "run/adapter_config.json": config, "run/adapter_model.safetensors": WEIGHTS}
            yield Case("adapter", f"{key}, number {number}", files, (next(commands), MERGE))
    adapter = {"run/adapter_config.json": json.dumps(ADAPTER)}
    for name, content in HEADERS.items():
        yield Case("weights", f"adapter, {name}", {**adapter, "run/adapter_model.safetensors": content}, (MERGE,))
        models = {"run/model.safetensors": content, "run/config.json": json.dumps(CONFIG)}
        yield Case("weights", f"model, {name}", models, (("merge", "run", "run", "-o", "out"),))
        whole: dict[str, Content] = {f"run/checkpoint-5/{one}": SAVED for one in ("optimizer.pt", "scheduler.pt")}
        whole["run/checkpoint-5/trainer_state.json"] = json.dumps(STATE).encode()
        files = {**rows, **whole, RECIPE: build_recipe(output={"dir": "run"})}
        files["run/checkpoint-5/adapter_model.safetensors"] = content
        yield Case("weights", f"checkpoint, {name}", files, (("run", RECIPE, "--dry-run", "--resume"),))
    owner = pickle.dumps(_Owner())
    for place in ("pytorch_model_fsdp_0/.metadata", "global_step0/zero_pp_rank_0_mp_rank_00_optim_states.pt"):
        yield Case("weights", f"a pickle as {place}", {**adapter, f"run/{place}": owner}, (MERGE,))
    yield from _list_index_cases({**rows, RECIPE: build_recipe(model="m"), "m/config.json": json.dumps(CONFIG)})
    yield from _list_state_cases()


def _list_index_cases(model: dict[str, Content]) -> Iterator[Case]:
    commands = rotate((("lint", RECIPE), ("plan", RECIPE), ("compile", RECIPE)))
    for number, index in enumerate(INDEXES):
        files = {**model, "m/model.safetensors.index.json": json.dumps(index)}
        yield Case("weights", f"index {number}", files, (next(commands),))
    for number, text in enumerate(TEXTS):
        files = {**model, "m/model.safetensors.index.json": text}
        yield Case("weights", f"index of text {number}", files, (next(commands),))


def _list_state_cases() -> Iterator[Case]:
    record = {"run/run.json": json.dumps({**RECORD, "output": "run"}), "run/run.log": "x"}
    commands = rotate((("report", "run"), MERGE, ("status", ".")))
    for step in STEPS:
        for content in (json.dumps(STATE), None):
            name = f"run/checkpoint-{step}"
            files = {**record, **({f"{name}/trainer_state.json": content} if content else {name: "x"})}
            for _ in range(2):
                yield Case("record", f"checkpoint {step[:9]!r}, {len(files)}", files, (next(commands),))
    for key in STATE:
        for value in (ENDLESS, float("nan"), "\N{SUPERSCRIPT TWO}", [[]], "\x1b[2J"):
            files = {**record, "run/trainer_state.json": json.dumps({**STATE, key: value})}
            yield Case("record", f"state, {key} {str(value)[:9]!r}", files, (next(commands),))
