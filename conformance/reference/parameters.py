"""Parameters: what declarations may say, and what values they allow (the chapter SAME-PAR)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import canonical_json
import re2_pattern
import schema

TYPES = ("string", "integer", "number", "boolean", "array", "object")
READERS = ("type", "title", "description", "examples", "deprecated", "default", "enum", "const")
KEYWORDS = {
    "string": ("minLength", "maxLength", "pattern", "format"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "boolean": (),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required"),
}
"""The keywords that apply to one type only (SAME-PAR-004)."""

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong with a declaration or value: where, counted from the declaration, and the code."""

    code: str
    clause: str
    path: Steps
    message: str
    key: bool = False


def folded(name: str) -> str:
    """What names have in common that are one name (SAME-PAR-002), but for case."""
    return name.replace("-", "_")


def base_type(declaration: dict) -> str:
    """The type of a declaration without its "null"."""
    kind = declaration["type"]
    return kind[0] if isinstance(kind, list) else kind


def takes_null(declaration: dict) -> bool:
    """Whether null is a value of the declaration."""
    return isinstance(declaration["type"], list)


def check_value(declaration: dict, value: object, path: Steps = ()) -> Iterator[Wrong]:
    """Every way in which a value is not what a declaration allows (SAME-PAR-015, SAME-PAR-026)."""
    kind = base_type(declaration)
    if value is None and takes_null(declaration):
        pass
    elif not schema.is_type(value, kind):
        yield Wrong("SAME1102", "SAME-PAR-015", path, f"expected {kind}")
        return
    if "enum" in declaration and not any(equal(value, allowed) for allowed in declaration["enum"]):
        yield Wrong("SAME1103", "SAME-PAR-015", path, "is none of the allowed values")
    if "const" in declaration and not equal(value, declaration["const"]):
        yield Wrong("SAME1103", "SAME-PAR-015", path, "is not the allowed value")
    if value is None:
        return
    for message in _keyword_problems(declaration, value):
        yield Wrong("SAME1103", "SAME-PAR-015", path, message)
    if isinstance(value, str) and "\0" in value:
        yield Wrong("SAME1103", "SAME-PAR-026", path, "holds a NUL")
    if isinstance(value, list) and "items" in declaration:
        for index, item in enumerate(value):
            yield from check_value(declaration["items"], item, (*path, index))
    elif isinstance(value, list) and _has_nul(value):
        yield Wrong("SAME1103", "SAME-PAR-026", path, "holds a NUL")
    if isinstance(value, dict):
        for name, inner in declaration.get("properties", {}).items():
            if name in value:
                yield from check_value(inner, value[name], (*path, name))
        undeclared = [v for n, v in value.items() if n not in declaration.get("properties", {})]
        if _has_nul([undeclared, list(value)]):
            yield Wrong("SAME1103", "SAME-PAR-026", path, "holds a NUL")


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, list):
        return any(map(_has_nul, value))
    if isinstance(value, dict):
        return any(map(_has_nul, value)) or any(map(_has_nul, value.values()))
    return False


def equal(left: object, right: object) -> bool:
    """Whether two JSON values are one value."""
    return canonical_json.bytes_of(left) == canonical_json.bytes_of(right)


def _keyword_problems(declaration: dict, value: object) -> Iterator[str]:
    if schema.is_number(value):
        assert isinstance(value, (int, float))
        if "minimum" in declaration and value < declaration["minimum"]:
            yield f"is below the minimum {declaration['minimum']}"
        if "maximum" in declaration and value > declaration["maximum"]:
            yield f"is above the maximum {declaration['maximum']}"
        if "exclusiveMinimum" in declaration and value <= declaration["exclusiveMinimum"]:
            yield f"is not above {declaration['exclusiveMinimum']}"
        if "exclusiveMaximum" in declaration and value >= declaration["exclusiveMaximum"]:
            yield f"is not below {declaration['exclusiveMaximum']}"
        if "multipleOf" in declaration and not _is_multiple(value, declaration["multipleOf"]):
            yield f"is no multiple of {declaration['multipleOf']}"
    elif isinstance(value, str):
        if len(value) < declaration.get("minLength", 0):
            yield f"is shorter than {declaration['minLength']}"
        if len(value) > declaration.get("maxLength", len(value)):
            yield f"is longer than {declaration['maxLength']}"
        if "pattern" in declaration:
            try:
                if not re2_pattern.compile(declaration["pattern"]).search(value):
                    yield f"does not match {declaration['pattern']}"
            except re2_pattern.NotRe2:
                pass
    elif isinstance(value, list):
        if len(value) < declaration.get("minItems", 0):
            yield f"has fewer than {declaration['minItems']} items"
        if len(value) > declaration.get("maxItems", len(value)):
            yield f"has more than {declaration['maxItems']} items"
        if declaration.get("uniqueItems") and len({canonical_json.text_of(v) for v in value}) < len(value):
            yield "has two equal items"
    elif isinstance(value, dict):
        for name in declaration.get("required", []):
            if name not in value:
                yield f"has no member {name}"


def _is_multiple(value: int | float, of: int | float) -> bool:
    """Whether value / of is an integer to a relative error of 1e-9 (SAME-PAR-004)."""
    try:
        quotient = value / of
    except OverflowError:
        return False
    if quotient in (float("inf"), float("-inf")):
        return False
    nearest = float(round(quotient))
    return abs(quotient - nearest) <= 1e-9 * max(1.0, abs(quotient))


def check_declaration(declaration: dict, path: Steps = ()) -> Iterator[Wrong]:
    """What is wrong with a declaration whose shape is right (SAME-PAR-004, SAME-PAR-005, SAME-PAR-007)."""
    kind = base_type(declaration)
    found: list[Wrong] = []
    for key in declaration:
        if key in READERS or key in KEYWORDS[kind] or key.startswith("x-"):
            continue
        wrong = Wrong("SAME1105", "SAME-PAR-004", (*path, key), f"{key} does not apply to {kind}", key=True)
        found.append(wrong)
    if "pattern" in declaration:
        try:
            re2_pattern.compile(declaration["pattern"])
        except re2_pattern.NotRe2 as error:
            found.append(Wrong("SAME1105", "SAME-PAR-005", (*path, "pattern"), f"is no RE2 pattern: {error}"))
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        if low in declaration and high in declaration and declaration[low] > declaration[high]:
            found.append(Wrong("SAME1105", "SAME-PAR-004", (*path, low), f"is above {high}"))
    if kind == "array" and "items" in declaration:
        found.extend(check_declaration(declaration["items"], (*path, "items")))
    if kind == "object":
        for name, member in declaration.get("properties", {}).items():
            found.extend(check_declaration(member, (*path, "properties", name)))
    yield from found
    if found:
        return
    for key in ("enum", "examples"):
        left_out = (key, "const") if key == "enum" else (key,)
        rest = {k: v for k, v in declaration.items() if k not in left_out}
        for index, value in enumerate(declaration.get(key, [])):
            if any(True for _ in check_value(rest, value)):
                yield Wrong("SAME1105", "SAME-PAR-007", (*path, key, index), f"a value of {key} is excluded")
    if "const" in declaration:
        rest = {k: v for k, v in declaration.items() if k != "const"}
        if any(True for _ in check_value(rest, declaration["const"])):
            yield Wrong("SAME1105", "SAME-PAR-007", (*path, "const"), "the const is excluded")
    if "default" in declaration:
        for wrong in check_value(declaration, declaration["default"]):
            yield Wrong(wrong.code, "SAME-PAR-007", (*path, "default"), f"the default {wrong.message}")


def check_names(names: list[str]) -> Iterator[tuple[str, str]]:
    """Names that collide, each with why (SAME-PAR-002, SAME-PAR-003): the later of two in their order."""
    seen: dict[str, str] = {}
    for name in names:
        key = folded(name).upper()
        if key in seen:
            yield name, f"is {seen[key]} in another spelling"
            continue
        seen[key] = name
    for name in names:
        key = folded(name).upper()
        if key.startswith("NO_") and key[3:] in seen:
            yield name, f"stands beside {seen[key[3:]]}, so that --no-… has two meanings"
