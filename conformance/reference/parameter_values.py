"""The values of a run's parameters: defaults, profile, file, `--set` and flags (SAME-PAR-009 to SAME-PAR-021)."""

from __future__ import annotations

import canonical_json
import yaml_text
from findings import Finding, Refused
from parameter_words import NoFile, from_words
from parameters import base_type, check_value, folded

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
            except NoFile as error:
                self.find("SAME1108", "SAME-PAR-014", f'parameter "{name}": {error} (from {source})')
                self.values.setdefault(name, None)
                continue
            except ValueError as error:
                self.find("SAME1102", "SAME-PAR-015", f'parameter "{name}": {error} (from {source})')
                # A wrong word still counts as one, so that nobody is told the value is missing too.
                self.values.setdefault(name, None)
                continue
            self.give(name, value, source)


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
