"""The shape of a manifest: its schema, and what that cannot say of single values (SAME-PRG-006 to SAME-PRG-013)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import schema
from canonical_json import SAFE_INTEGER
from findings import Finding
from manifest_checker import Checker
from manifest_places import DURATIONS, QUANTITIES, VARIABLES, found, keys, prune
from schema import BROKEN, Misfit, Steps

TEXT_FIELDS = ("version", "name", "revision", "arxiv", "doi")
"""Fields in which a number is SAME1006 (SAME-PRG-009)."""

TRACKING_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID")
RESERVED_VARIABLES = ("HOME", "TMPDIR", "PATH", *TRACKING_VARIABLES)
_COMMAND = re.compile(r"[A-Za-z0-9._+-]+( *(>=|<=|==|!=|>|<) *[0-9][0-9A-Za-z.+-]*)*\Z")
_R_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9.]*( *(>=|<=|==|!=|>|<) *[0-9][0-9.-]*)*\Z")
_UNITS = {
    "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
}  # fmt: skip
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ORDER = {code: index for index, code in enumerate(
    ("SAME1002", "SAME1003", "SAME1015", "SAME1004", "SAME1201", "SAME1202", "SAME1105", "SAME1006", "SAME1005")
)}  # fmt: skip


def versions(checker: Checker) -> None:
    """SAME-PRG-010: beside another version or kind nothing else is looked at."""
    for key, accepted in (("apiVersion", "same/v1"), ("kind", "Program")):
        said = checker.value.get(key, accepted)
        if said is not BROKEN and said != accepted:
            checker.at_value("SAME1007", "SAME-PRG-010", (key,), f"must be {accepted}")


def shape(checker: Checker) -> None:
    """Hold the manifest against its schema, and leave out what does not fit (SAME-PRG-006 to SAME-PRG-011)."""
    found: list[tuple[Finding, Misfit | None]] = []
    value = checker.value
    for misfit in schema.misfits(schema.load("program"), value):
        if misfit.message == "is longer than 1024":
            # How long a path may be is SAME-PRG-015's, in bytes.
            continue
        found.append((_finding(checker, misfit), misfit))
    for path, clause, message, at_key in _more_shape(checker, value):
        if any(path[: len(m.path)] == m.path for _, m in found if m is not None and m.kind != "missing"):
            continue
        place = checker.key_place(path) if at_key else checker.value_place(path)
        code = "SAME1005" if message != "steps" else "SAME1008"
        name = ".".join(map(str, path))
        found.append((Finding(code, clause, f"{name}: {message}", place), Misfit("value", path, message)))
    best: dict[str, Finding] = {}
    for finding, misfit in found:
        if finding.code == "SAME1008":
            checker.findings.append(finding)
            continue
        key = finding.place or ""
        known = best.get(key)
        if known is None or _ORDER[finding.code] < _ORDER[known.code]:
            best[key] = finding
    checker.findings.extend(best.values())
    for _, misfit in found:
        if misfit is None:
            continue
        path = misfit.path
        if misfit.kind == "missing" and not path:
            checker.value = {}
            return
        # A list with something wrong in it is left out whole.
        first = next((i for i, step in enumerate(path) if isinstance(step, int)), len(path))
        checker.removed.add(path[:first])
    checker.value = prune(checker.value, checker.removed)  # type: ignore[assignment]


def _finding(checker: Checker, misfit: Misfit) -> Finding:
    path = misfit.path
    name = ".".join(map(str, path)) or "manifest"
    message = f"{name}: {misfit.message}"
    in_declaration = len(path) > 2 and path[0] == "parameters"
    if misfit.kind == "missing":
        return Finding("SAME1008", "SAME-PRG-008", message, checker.key_place(path))
    if misfit.kind == "unknown":
        if in_declaration:
            return Finding("SAME1105", "SAME-PAR-004", message, checker.key_place(path))
        return Finding("SAME1004", "SAME-PRG-006", message, checker.key_place(path))
    if misfit.kind == "name":
        clause = "SAME-PRG-031" if path[0] == "extensions" else "SAME-PRG-007"
        return Finding("SAME1005", clause, message, checker.key_place(path))
    place = checker.value_place(path)
    if misfit.kind == "type":
        chosen = len(path) > 1 and path[-2] in ("variables", "provides")
        is_text = "string" in misfit.message
        if path[-1] in TEXT_FIELDS and is_text and not chosen and schema.is_number(checker.node(path).value):
            return Finding("SAME1006", "SAME-PRG-009", f"{name}: must be text: put it in quotes", place)
        return Finding("SAME1005", "SAME-PRG-007", message, place)
    if path == ("metadata", "name"):
        return Finding("SAME1201", "SAME-REF-001", message, place)
    if path == ("metadata", "version"):
        return Finding("SAME1202", "SAME-REF-003", message, place)
    return Finding("SAME1005", "SAME-PRG-007", message, place)


def _more_shape(checker: Checker, value: dict) -> Iterator[tuple[Steps, str, str, bool]]:
    """Wrong values that the schema does not know of: (path, clause, message, whether the key is wrong)."""
    for path, quantity in found(value, QUANTITIES):
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]*)", quantity)
        if match and match[2] in _UNITS and _too_much(match[1], _UNITS[match[2]]):
            yield path, "SAME-PRG-013", "is more than 2^53 - 1 bytes", False
    for path, duration in found(value, DURATIONS):
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([a-z]*)", duration)
        if match and match[2] in _MILLISECONDS and _too_much(match[1], _MILLISECONDS[match[2]]):
            yield path, "SAME-PRG-013", "is more than 2^53 - 1 milliseconds", False
    for path, name in keys(value, VARIABLES):
        if path[0] == "services" and name in TRACKING_VARIABLES:
            continue
        if name in RESERVED_VARIABLES or name.startswith("SAME_"):
            yield path, "SAME-PRG-007", "is set by the step contract", True
    for path, text in found(value, [("environments", "*", "variables", "*")]):
        if "\0" in text:
            yield path, "SAME-PRG-007", "holds a NUL", False
    for path, text in found(value, [("environments", "*", "requires", "commands", "#")]):
        if text and not _COMMAND.match(text):
            yield path, "SAME-PIP-021", "is no command with constraints", False
    for path, text in found(value, [("environments", "*", "r", "packages", "#")]):
        if text and not _R_PACKAGE.match(text):
            yield path, "SAME-PIP-062", "is no package with constraints", False
    for group in ("steps", "finally"):
        for path, run in found(value, [("pipeline", group, "*", "run")], (str, list)):
            yield from _run_problems(path, run)
    steps = value.get("pipeline", {}) if isinstance(value.get("pipeline"), dict) else {}
    if steps.get("steps") == {}:
        yield ("pipeline", "steps"), "SAME-PIP-001", "steps", True


def _too_much(number: str, unit: int) -> bool:
    whole, _, fraction = number.partition(".")
    scaled = int(whole + fraction) * unit
    divisor = 10 ** len(fraction)
    return (2 * scaled + divisor) // (2 * divisor) > SAFE_INTEGER


def _run_problems(path: Steps, run: str | list) -> Iterator[tuple[Steps, str, str, bool]]:
    if isinstance(run, str):
        if run and not run.strip():
            yield path, "SAME-PIP-001", "is no command", False
        elif "\0" in run:
            yield path, "SAME-PIP-001", "holds a NUL", False
        return
    for index, word in enumerate(run):
        if not isinstance(word, str):
            continue
        if index == 0 and not word.strip():
            yield (*path, 0), "SAME-PIP-001", "is no command", False
        elif "\0" in word:
            yield (*path, index), "SAME-PIP-001", "holds a NUL", False
