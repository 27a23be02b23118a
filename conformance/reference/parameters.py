"""Parameters: declarations, values and the words that give them (the chapter SAME-PAR)."""

from __future__ import annotations


import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import canonical_json
import re2_pattern
import schema
import yaml_text
from findings import Finding, Refused

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

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"-?((0|[1-9][0-9]*)(\.[0-9]+)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
_WHITE = " \t\r\n"
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


# Values of a run

OPTIONS_WITH_VALUE = {"--file", "--set", "--parameters", "--profile", "--target", "--engine", "-f"}
OPTIONS = {"--plan", "--allow-unmet", "--json", "--quiet", "--help", "-q", "-h"}


class Values:
    """Collects values from all their sources and decides which wins (SAME-PAR-009)."""

    def __init__(self, declarations: dict[str, dict]) -> None:
        self.declarations = declarations
        self.names = {folded(name): name for name in declarations}
        self.findings: list[Finding] = []
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}

    def find(self, code: str, clause: str, message: str) -> None:
        """Keep a finding."""
        self.findings.append(Finding(code, clause, message))

    def declared(self, name: str) -> str | None:
        """The declared name that a name means, or None; the finding is kept then (SAME-PAR-020)."""
        found = self.names.get(folded(name))
        if found is None:
            known = ", ".join(sorted(self.declarations, key=canonical_json.code_units))
            self.find("SAME1101", "SAME-PAR-020", f'unknown parameter "{name}" (known: {known})')
        return found

    def give(self, name: str, value: object, source: str) -> None:
        """Take a typed value from a source, checking it wherever it is given."""
        problems = list(check_value(self.declarations[name], value))
        for wrong in problems:
            where = "".join(f"[{p}]" for p in wrong.path)
            self.find(wrong.code, wrong.clause, f'parameter "{name}"{where}: {wrong.message} (from {source})')
        self.values[name] = value
        self.sources[name] = source

    def give_mapping(self, mapping: dict, source: str) -> None:
        """Take values from a profile or a file: names to typed values."""
        seen: dict[str, str] = {}
        for key, value in mapping.items():
            name = self.declared(key)
            if name is None:
                continue
            if name in seen:
                self.find("SAME1106", "SAME-PAR-002", f"{key} and {seen[name]} are one parameter (from {source})")
                continue
            seen[name] = key
            self.give(name, value, source)

    def give_words(self, given: list[tuple[str, str | bool]], source: str) -> None:
        """Take values from words: (declared name, text or a flag's own truth), in their order."""
        by_name: dict[str, list[str | bool]] = {}
        for name, word in given:
            by_name.setdefault(name, []).append(word)
        for name, words in by_name.items():
            try:
                value = from_words(self.declarations[name], words, files=source == "flag")
            except _NoFile as error:
                self.find("SAME1108", "SAME-PAR-014", f'parameter "{name}": {error} (from {source})')
                self.values.setdefault(name, None)
                continue
            except ValueError as error:
                self.find("SAME1102", "SAME-PAR-015", f'parameter "{name}": {error} (from {source})')
                # A wrong word still counts as one, so that nobody is told the value is missing too.
                self.values.setdefault(name, None)
                continue
            self.give(name, value, source)


class _NoFile(ValueError):
    """A file that a word names cannot be read."""


def _text_of_file(word: str) -> str:
    """The text of the file that `@FILE` names (SAME-PAR-014)."""
    try:
        return Path(word[1:]).read_bytes().decode("utf-8")
    except OSError as error:
        raise _NoFile(f"{word[1:]} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{word[1:]} is not UTF-8") from None


def from_words(declaration: dict, words: list[str | bool], files: bool = False) -> object:
    """The value that words give by the declared type alone (SAME-PAR-014). Raises ValueError.

    `files` says whether `@FILE` is read.
    """
    kind = base_type(declaration)
    if files and len(words) == 1 and isinstance(words[0], str) and words[0].startswith("@"):
        texts_only = kind == "array" and base_type(declaration.get("items", {"type": "array"})) == "string"
        if kind == "object" or (kind == "array" and not texts_only):
            return _json(_text_of_file(words[0]), list if kind == "array" else dict, kind)
    if kind == "array":
        texts = [str(word) for word in words]
        if len(texts) == 1:
            if takes_null(declaration) and texts[0] == "null":
                return None
            if texts[0].lstrip(_WHITE).startswith("["):
                return _json(texts[0], list, "array")
        items = declaration.get("items", {"type": "string"})
        return [from_words(items, [text]) for text in texts]
    if len(words) > 1:
        raise ValueError(f"expected {kind}, got it {len(words)} times")
    word = words[0]
    if isinstance(word, bool):
        return word
    if takes_null(declaration) and word == "null":
        return None
    return from_text(kind, word)


def from_text(kind: str, text: str) -> object:
    """The value of one word by a type that is no array. Raises ValueError."""
    if kind == "string":
        return text
    if kind == "integer":
        if not _INTEGER.match(text) or len(text) > 17 or abs(int(text)) > canonical_json.SAFE_INTEGER:
            raise ValueError(f'expected integer, got "{text}"')
        return int(text)
    if kind == "number":
        if not _NUMBER.match(text):
            raise ValueError(f'expected number, got "{text}"')
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ValueError(f'expected number, got "{text}", which is not finite')
        if number == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
            raise ValueError(f'expected number, got "{text}", which is too small for a double')
        if canonical_json.is_inexact_integer(number):
            raise ValueError(f'expected number, got "{text}", which cannot be held exactly')
        return int(number) if number == int(number) and abs(number) < 2**53 else number
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f'expected true or false, got "{text}"')
        return text == "true"
    if kind == "array":
        return _json(text, list, "array")
    return _json(text, dict, "object")


def _json(text: str, kind: type, name: str) -> object:
    try:
        value = canonical_json.read_text(text)
    except canonical_json.NotJson as error:
        raise ValueError(f"expected {name} as JSON: {error}") from None
    if not isinstance(value, kind):
        raise ValueError(f"expected {name}, got other JSON")
    return value


def resolve(
    manifest: dict,
    profile: str | None,
    file: tuple[dict | None, list[Finding]] | None,
    settings: list[str],
    words: list[str],
) -> tuple[dict[str, object], dict[str, str]]:
    """The value of every parameter and where it came from; raises Refused with all problems (SAME-PAR-021).

    `file` is what a parameters file holds, or None with what is wrong with it.
    """
    declarations = manifest.get("parameters", {})
    values = Values(declarations)
    flags: list[tuple[str, str | bool]] = []
    sets: list[tuple[str, str | bool]] = []
    own_profile = [profile] if profile is not None else []
    _read_words(values, words, flags, sets, own_profile)
    for name, declaration in declarations.items():
        if "default" in declaration:
            values.give(name, declaration["default"], "default")
    if own_profile:
        chosen = manifest.get("profiles", {}).get(own_profile[-1])
        if chosen is None:
            values.find("SAME1107", "SAME-PAR-012", f'no profile is called "{own_profile[-1]}"')
        else:
            values.give_mapping(chosen.get("parameters", {}), "profile")
    if file is not None:
        mapping, problems = file
        values.findings.extend(problems)
        if mapping is not None:
            values.give_mapping(mapping, "file")
    for setting in settings:
        _read_setting(values, setting, sets)
    values.give_words(sets, "set")
    values.give_words(flags, "flag")
    for name in declarations:
        if name not in values.values:
            values.find("SAME1104", "SAME-PAR-012", f'parameter "{name}" has no value')
    if values.findings:
        raise Refused(*values.findings)
    return values.values, values.sources


def _read_setting(values: Values, setting: str, sets: list[tuple[str, str | bool]]) -> None:
    name, equals, text = setting.partition("=")
    if not equals or not name:
        values.find("SAME1902", "SAME-PAR-009", f"--set takes NAME=VALUE, not {setting!r}")
        return
    found = values.declared(name)
    if found is not None:
        sets.append((found, text))


def _read_words(
    values: Values,
    words: list[str],
    flags: list[tuple[str, str | bool]],
    sets: list[tuple[str, str | bool]],
    profile: list[str],
) -> None:
    """Read the words after a program's reference (SAME-PAR-016 to SAME-PAR-020)."""
    index = 0
    options = True
    while index < len(words):
        word = words[index]
        index += 1
        if word == "--" and options:
            options = False
            continue
        name, equals, text = word.partition("=")
        if options and name in OPTIONS_WITH_VALUE:
            if not equals:
                if index >= len(words):
                    values.find("SAME1902", "SAME-PAR-016", f"{name} has no value")
                    continue
                text = words[index]
                index += 1
            if name == "--set":
                _read_setting(values, text, sets)
            elif name == "--profile":
                profile.append(text)
            continue
        if options and name in OPTIONS:
            continue
        if not name.startswith("--"):
            values.find("SAME1902", "SAME-PAR-020", f"{word!r} is no flag and no flag's value")
            continue
        index = _read_flag(values, name[2:], text if equals else None, words, index, flags)


def _read_flag(
    values: Values, name: str, text: str | None, words: list[str], index: int, flags: list[tuple[str, str | bool]]
) -> int:
    found = values.names.get(folded(name))
    if found is None and folded(name).startswith("no_"):
        negated = values.names.get(folded(name)[3:])
        if negated is not None and base_type(values.declarations[negated]) == "boolean":
            if text is not None:
                values.find("SAME1102", "SAME-PAR-016", f"--{name} takes no value")
            else:
                flags.append((negated, False))
            return index
    if found is None:
        values.declared(name)
        # What may be its value is not taken for a stray word.
        if text is None and index < len(words) and not words[index].startswith("--"):
            return index + 1
        return index
    if text is not None:
        flags.append((found, text))
    elif base_type(values.declarations[found]) == "boolean":
        flags.append((found, True))
    elif index < len(words) and not words[index].startswith("--"):
        flags.append((found, words[index]))
        return index + 1
    else:
        values.find("SAME1102", "SAME-PAR-016", f"--{name} has no value")
        values.values.setdefault(found, None)
    return index


def parse_file(data: bytes) -> tuple[dict | None, list[Finding]]:
    """What a parameters file holds: JSON or YAML, a mapping (SAME-PAR-009, SAME-PAR-012)."""
    try:
        document = yaml_text.read(data)
    except Refused as refusal:
        return None, refusal.findings
    if document.findings:
        return None, document.findings
    value = yaml_text.plain(document.root)
    if not isinstance(value, dict):
        return None, [Finding("SAME1108", "SAME-PAR-012", "the parameters file is no mapping")]
    return value, []
