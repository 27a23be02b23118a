"""A small interpreter of JSON Schema 2020-12: the keywords that `spec/v1/schemas` use, and no others.

It answers every way in which a value is not as the schema says, each with the path to the place and a kind, so that
the chapters can give each its own code.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "spec" / "v1" / "schemas"

BROKEN = object()
"""Stands for a value that fits everywhere, because it is not to be looked at."""

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Misfit:
    """One way in which a value does not fit.

    `kind` is `unknown` (a member no schema names; `path` leads to it), `missing` (a required member; `path` leads
    to the object, `name` is the member), `name` (a key outside its pattern), `const`, `type` or `value`.
    """

    kind: str
    path: Steps
    message: str
    name: str = ""


@functools.cache
def load(name: str) -> dict:
    """The schema `NAME.schema.json` of the specification."""
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))


def misfits(schema: dict, value: object) -> list[Misfit]:
    """Every way in which value does not fit the schema."""
    found: list[Misfit] = []
    _check(schema, schema, value, (), found)
    return found


@functools.cache
def _pattern(source: str) -> re.Pattern[str]:
    # ECMA-262's `$` is the very end; Python's also matches before a last line feed.
    translated = re.sub(r"(?<!\\)\$", r"\\Z", source)
    return re.compile(translated, re.ASCII)


def is_integer(value: object) -> bool:
    """Whether a JSON value is a number without a fraction (SAME-PAR-008: 1.0 counts as 1)."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def is_number(value: object) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_type(value: object, name: str) -> bool:
    """Whether a JSON value has the type that JSON Schema calls by name."""
    return {
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "null": value is None,
        "number": is_number(value),
        "integer": is_integer(value),
    }[name]


def _check(root: dict, schema: dict | bool, value: object, path: Steps, found: list[Misfit]) -> None:
    if value is BROKEN or schema is True or schema == {}:
        return
    if schema is False:
        found.append(Misfit("value", path, "nothing may stand here"))
        return
    if "$ref" in schema:
        target: dict = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        _check(root, target, value, path, found)
    if "anyOf" in schema:
        _any_of(root, schema["anyOf"], value, path, found)
    if "type" in schema and not is_type(value, schema["type"]):
        found.append(Misfit("type", path, f"must be of type {schema['type']}"))
        return
    if "const" in schema and not _equal(value, schema["const"]):
        found.append(Misfit("const", path, f"must be {json.dumps(schema['const'])}"))
        return
    if "enum" in schema and not any(_equal(value, allowed) for allowed in schema["enum"]):
        found.append(Misfit("value", path, f"must be one of {json.dumps(schema['enum'])}"))
    if isinstance(value, str):
        _string(schema, value, path, found)
    elif is_number(value):
        _number(schema, value, path, found)
    elif isinstance(value, list):
        _array(root, schema, value, path, found)
    elif isinstance(value, dict):
        _object(root, schema, value, path, found)


def _any_of(root: dict, choices: list[dict], value: object, path: Steps, found: list[Misfit]) -> None:
    results = []
    for choice in choices:
        result: list[Misfit] = []
        _check(root, choice, value, path, result)
        if not result:
            return
        results.append(result)
    # The choice of the right type says best what is wrong.
    fitting = [r for r in results if not any(m.kind == "type" and m.path == path for m in r)]
    if fitting:
        found.extend(fitting[0])
    else:
        found.append(Misfit("type", path, "has none of the types that are possible here"))


def _equal(left: object, right: object) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _string(schema: dict, value: str, path: Steps, found: list[Misfit]) -> None:
    if len(value) < schema.get("minLength", 0):
        found.append(Misfit("value", path, "is too short"))
    if len(value) > schema.get("maxLength", len(value)):
        found.append(Misfit("value", path, f"is longer than {schema['maxLength']}"))
    if "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        found.append(Misfit("value", path, f"must match {schema['pattern']}"))


def _number(schema: dict, value: int | float, path: Steps, found: list[Misfit]) -> None:
    if "minimum" in schema and value < schema["minimum"]:
        found.append(Misfit("value", path, f"is below {schema['minimum']}"))
    if "maximum" in schema and value > schema["maximum"]:
        found.append(Misfit("value", path, f"is above {schema['maximum']}"))
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        found.append(Misfit("value", path, f"must be above {schema['exclusiveMinimum']}"))


def _array(root: dict, schema: dict, value: list, path: Steps, found: list[Misfit]) -> None:
    if len(value) < schema.get("minItems", 0):
        found.append(Misfit("value", path, "has too few items"))
    if len(value) > schema.get("maxItems", len(value)):
        found.append(Misfit("value", path, "has too many items"))
    first = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        if index < len(first):
            _check(root, first[index], item, (*path, index), found)
        elif "items" in schema and len(value) <= schema.get("maxItems", len(value)):
            _check(root, schema["items"], item, (*path, index), found)


def _object(root: dict, schema: dict, value: dict, path: Steps, found: list[Misfit]) -> None:
    properties = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    rest = schema.get("additionalProperties", True)
    for key, item in value.items():
        here = (*path, key)
        if "propertyNames" in schema:
            names: list[Misfit] = []
            _check(root, schema["propertyNames"], key, here, names)
            if names:
                found.append(Misfit("name", here, f"{key!r} is no name that may stand here"))
        if key in properties:
            _check(root, properties[key], item, here, found)
            continue
        matching = [patterns[source] for source in patterns if _pattern(source).search(key)]
        if matching:
            for choice in matching:
                _check(root, choice, item, here, found)
        elif rest is False:
            found.append(Misfit("unknown", here, f"{key!r} is no field"))
        else:
            _check(root, rest, item, here, found)
    for name in schema.get("required", []):
        if name not in value:
            found.append(Misfit("missing", path, f"{name!r} is missing", name))
