"""The spec's models as plain classes that load in a millisecond: the files of `qwen_recipes/recipe/parts/`.

Read from what pydantic itself validates by (each model's core schema), so that nothing of it can be forgotten: what
has no kind here ends the writing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from qwen_recipes.recipe import field_kinds, shorthands
from qwen_recipes.recipe.field_index import find_part_class
from qwen_recipes.recipe.spec import Recipe
from qwen_recipes.recipe.spec.base import Part

FOLDER = "qwen_recipes/recipe/parts"
CONFIG = {
    "extra": "forbid",
    "strict": True,
    "frozen": True,
    "allow_inf_nan": False,
    "use_attribute_docstrings": False,
}
"""What `field_kinds.py` takes for granted of every model."""
HEAD = '''"""{doc}

Written by tools/generate_docs.py from spec/{module}.py; change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

{imports}

if TYPE_CHECKING:
    from typing import Any, ClassVar, Literal

    from qwen_recipes.recipe.part import FieldKind
'''
LIMITS = {
    "str": ("min_length", "max_length", "pattern"),
    "int": ("ge", "gt", "le", "lt"),
    "float": ("ge", "gt", "le", "lt"),
    "bool": (),
    "any": (),
}
KINDS = {
    "str": field_kinds.String,
    "int": field_kinds.Integer,
    "float": field_kinds.Float,
    "bool": field_kinds.Boolean,
    "any": field_kinds.AnyValue,
}
IGNORED = ("type", "metadata", "ref", "serialization")


def render_files() -> dict[str, str]:
    """Each file's path below the root, and its text: one for each module of the spec."""
    parts = list(dict.fromkeys(walk_parts(Recipe)))
    homes = {part.__name__: part.__module__.rpartition(".")[2] for part in parts}
    assert len(homes) == len(parts), "two parts have one name"
    modules = list(dict.fromkeys(homes.values()))
    return {
        f"{FOLDER}/{module}.py": render_module(module, [p for p in parts if homes[p.__name__] == module], homes)
        for module in modules
    }


def render_module(module: str, parts: list[type[Part]], homes: dict[str, str]) -> str:
    body = "\n\n".join(render_class(part) for part in parts)
    used = {*re.findall(r"[A-Za-z_]+", re.sub(r'"[^"]*"', "", body))}
    imports = [
        render_import("field_kinds", used & list_defined_names(field_kinds)),
        "from qwen_recipes.recipe.part import RecipePart",
    ]
    others = sorted({home for name, home in homes.items() if name in used and home != module})
    imports += [render_import(f"parts.{other}", {n for n in used if homes.get(n) == other}) for other in others]
    imports.append(render_import("shorthands", used & list_defined_names(shorthands)))
    doc = sys.modules[parts[0].__module__].__doc__
    head = HEAD.format(doc=(doc or "").strip(), module=module, imports="\n".join(imports))
    return format_source(f"{head}\n\n{body}", module)


def list_defined_names(module: types.ModuleType) -> set[str]:
    """What a module itself defines."""
    return {name for name, one in vars(module).items() if getattr(one, "__module__", "") == module.__name__}


def render_import(module: str, names: set[str]) -> str:
    """An import, or nothing where nothing is needed."""
    return f"from qwen_recipes.recipe.{module} import {', '.join(sorted(names))}" if names else ""


def format_source(source: str, module: str) -> str:
    """As `ruff check --fix` (imports in order, none unused) and `ruff format` leave it."""
    for words in (("check", "--fix", "--quiet", "--exit-zero"), ("format",)):
        command = [sys.executable, "-m", "ruff", *words, "--stdin-filename", f"{FOLDER}/{module}.py", "-"]
        source = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    return source


def walk_parts(part: type[Part]) -> Iterator[type[Part]]:
    """The parts that a part needs, then the part."""
    for info in part.model_fields.values():
        inner = find_part_class(info.annotation)
        if inner is not None:
            yield from walk_parts(inner)
    yield part


def render_class(part: type[Part]) -> str:
    assert dict(part.model_config) == CONFIG, part
    schema = part.__pydantic_core_schema__
    held = {one["ref"]: one for one in schema.get("definitions", ())}
    whole = schema["schema"] if schema["type"] == "definitions" else schema
    whole = held.get(whole.get("schema_ref"), whole)
    fields = whole["schema"]["fields"]
    lines = [f"class {part.__name__}(RecipePart):", f'    """{part.__doc__}"""', ""]
    lines += [f"    {name}: {render_annotation(name, info)}" for name, info in part.model_fields.items()]
    shapes = [f'        "{name}": {render_field_kind(part, name, fields[name], held)},' for name in part.model_fields]
    needed = tuple(name for name, info in part.model_fields.items() if info.is_required())
    lines += [
        "",
        "    kinds: ClassVar[dict[str, FieldKind]] = {",
        *shapes,
        "    }",
        *([f"    required = {needed!r}"] if needed else []),
    ]
    return "\n".join(lines) + "\n"


def render_annotation(name: str, info: FieldInfo) -> str:
    return render_type(info.annotation) + ("" if info.is_required() else " = None")


def render_type(type_hint: Any) -> str:
    """A type as it is written, without what pydantic alone reads."""
    origin, inner = get_origin(type_hint), get_args(type_hint)
    if origin is Annotated:
        return render_type(inner[0])
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(render_type(one) for one in inner))
    if origin is Literal:
        return f"Literal[{', '.join(repr(one) for one in inner)}]"
    if origin in (list, dict):
        return f"{origin.__name__}[{', '.join(render_type(one) for one in inner)}]"
    return "None" if type_hint is types.NoneType else "Any" if type_hint is Any else str(type_hint.__name__)


def render_field_kind(part: type[Part], name: str, field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """The kind of a field; one that may be left out is None then, and may be None."""
    schema = field["schema"]
    if part.model_fields[name].is_required():
        return render_kind(schema, definitions)
    assert schema["type"] == "default" and schema["default"] is None, f"{part.__name__}.{name}: its default is None"
    assert schema["schema"]["type"] == "nullable", f"{part.__name__}.{name} may be None"
    return render_kind(schema["schema"]["schema"], definitions)


def render_kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A core schema in the words of `field_kinds.py`."""
    name = schema["type"]
    if name in KINDS:
        return f"{KINDS[name].__name__}({render_limits(schema, LIMITS[name])})"
    if name == "literal":
        reject_unknown_keys(schema, "expected")
        return f"OneOf({', '.join(repr(one) for one in schema['expected'])})"
    if name == "list":
        told = render_limits({k: v for k, v in schema.items() if k != "items_schema"}, ("min_length", "max_length"))
        return f"ListOf({render_kind(schema['items_schema'], definitions)}{', ' + told if told else ''})"
    if name == "dict":
        reject_unknown_keys(schema, "keys_schema", "values_schema")
        keys, values = (render_kind(schema[f"{part}_schema"], definitions) for part in ("keys", "values"))
        return f"MapOf({keys}, {values})"
    if name == "union":
        reject_unknown_keys(schema, "choices")
        return f"Either({', '.join(render_kind(one, definitions) for one in schema['choices'])})"
    if name == "function-before":
        reject_unknown_keys(schema, "function", "schema")
        shorthand = render_shorthand(schema["function"]["function"])
        return f"WithShorthand({shorthand}, {render_kind(schema['schema'], definitions)})"
    if name == "definition-ref":
        return render_kind(definitions[schema["schema_ref"]], definitions)
    if name == "model" and issubclass(schema["cls"], Part):
        return f"PartOf({schema['cls'].__name__})"
    raise SystemExit(f"tools/generate_parts.py has no kind for pydantic's {name}; give it one in recipe/field_kinds.py")


def render_limits(schema: dict[str, Any], allowed: tuple[str, ...]) -> str:
    reject_unknown_keys(schema, *allowed)
    told = {name: schema[name] for name in allowed if schema.get(name) is not None}
    if "pattern" in told:
        pattern = told["pattern"]
        assert pattern[0] == "^" and pattern[-1] == "$" and "\\" not in pattern, f"{pattern}: ^...$, in plain ASCII"
        told["pattern"] = pattern[1:-1]
    return ", ".join(f"{name}={value!r}" for name, value in told.items())


def reject_unknown_keys(schema: dict[str, Any], *known: str) -> None:
    """What a schema says and this file has no word for ends the writing."""
    more = {name for name, value in schema.items() if value is not None} - {*known, *IGNORED}
    if more:
        raise SystemExit(
            f"tools/generate_parts.py does not know {', '.join(sorted(more))} of pydantic's {schema['type']}"
        )


def render_shorthand(function: Any) -> str:
    if isinstance(function, shorthands.Shorthand):
        return repr(function)
    assert function.__module__ == shorthands.__name__, f"{function.__name__} has to stand in recipe/shorthands.py"
    return str(function.__name__)


def main() -> None:
    """Write them all; tools/generate_docs.py does so too, where the package loads already."""
    root = Path(__file__).parent.parent
    for file, text in render_files().items():
        (root / file).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
