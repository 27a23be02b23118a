"""The cells of a manifest's steps: matrices, lists, conditions, and which cells are an input (SAME-PIP-032 to 042)."""

from __future__ import annotations

import math

import conditions
from canonical_json import text_of
from manifest_checker import Checker
from schema import Steps

_MOST_CELLS = 100_000
_MOST_CELLS_IN_ALL = 500_000


def combinations(checker: Checker) -> None:
    """SAME-PIP-038: what all matrices have in all, of those that are within their own limit."""
    counts = (math.prod(map(len, step["matrix"].values())) for _, _, step in checker.all_steps() if "matrix" in step)
    if sum(count for count in counts if count <= _MOST_CELLS) > _MOST_CELLS_IN_ALL:
        checker.at_key("SAME1005", "SAME-PIP-038", ("pipeline",), "has too many combinations")


def dimensions(checker: Checker, *step: str) -> set[str]:
    """The dimensions of a step; none where it runs once."""
    own = checker.declared(*step)
    return checker.declared(*step, "matrix") or ({"item"} if "foreach" in own else set())


def check(checker: Checker, group: str, path: Steps, step: dict) -> None:
    """SAME-PIP-032, SAME-PIP-038, SAME-PIP-039, SAME-PIP-042."""
    own = checker.declared(*path)  # type: ignore[arg-type]
    known_dimensions = dimensions(checker, *path)  # type: ignore[arg-type]
    if step.get("matrix") == {} and not known_dimensions:
        checker.at_key("SAME1008", "SAME-PIP-038", (*path, "matrix"), "has no dimension")
    variables: set[str] = set()
    for name, values in sorted(step.get("matrix", {}).items()):
        here = (*path, "matrix", name)
        known: set[str] = set()
        for index, value in enumerate(values):
            text = text_of(value)
            if text in known:
                checker.at_value("SAME1005", "SAME-PIP-038", (*here, index), "is there twice")
            known.add(text)
            if isinstance(value, str) and "\0" in value:
                checker.at_value("SAME1005", "SAME-PIP-038", (*here, index), "has a NUL")
        variable = name.upper().replace("-", "_")
        if variable in variables:
            checker.at_key("SAME1005", "SAME-PIP-038", here, "is called like another dimension")
        variables.add(variable)
    if math.prod(map(len, step.get("matrix", {}).values())) > _MOST_CELLS:
        checker.at_key("SAME1005", "SAME-PIP-038", (*path, "matrix"), "has too many combinations")
    if "parallel" in step and not known_dimensions and "matrix" not in own:
        checker.at_key("SAME1005", "SAME-PIP-032", (*path, "parallel"), "the step runs once")
    if "foreach" in step:
        _foreach(checker, group, (*path, "foreach"), step["foreach"], "matrix" in own)
    if "when" in step:
        _condition(checker, (*path, "when"), step["when"], known_dimensions)


def _foreach(checker: Checker, group: str, path: Steps, text: str, has_matrix: bool) -> None:
    groups = ("steps",) if group == "steps" else ("steps", "finally")
    if has_matrix:
        checker.at_key("SAME1005", "SAME-PIP-039", path, "excludes matrix")
    elif not checker.leads_to(text, groups):
        checker.at_value("SAME1009", "SAME-PRG-014", path, "leads to no output of a step")
    elif any(dimensions(checker, "pipeline", each, text.partition(".")[0]) for each in groups):
        checker.at_value("SAME1005", "SAME-PIP-039", path, "is a directory")


def _condition(checker: Checker, path: Steps, text: str, dimensions: set[str]) -> None:
    try:
        found = conditions.names(text)
    except conditions.NotACondition as error:
        checker.at_value("SAME1010", "SAME-PIP-042", path, str(error))
        return
    known = {"parameters": checker.declared("parameters"), "matrix": dimensions}
    for kind, name in dict.fromkeys(found):
        if name not in (known[kind] if kind else known["parameters"] | dimensions):
            checker.at_value("SAME1010", "SAME-PIP-042", path, f"{name} is not declared")


def fan_in(checker: Checker, path: Steps, name: str, given: dict, groups: tuple[str, ...]) -> None:
    """SAME-PIP-041."""
    here = (*path, "inputs", name)
    source = given.get("from", "").partition(".")[0]
    group = next((each for each in groups if source in checker.declared("pipeline", each)), None)
    theirs = dimensions(checker, "pipeline", group, source) if group else set()
    shared = theirs & dimensions(checker, *path)  # type: ignore[arg-type]
    if "cells" not in given:
        if shared and "cells" not in checker.node(here).value:  # type: ignore[operator]
            checker.at_key("SAME1008", "SAME-PIP-041", here, "does not say which cells")
        return
    at = (*here, "cells")
    if (group is None and "from" not in given) or (group is not None and not theirs):
        checker.at_value("SAME1005", "SAME-PIP-041", at, "there is one cell only")
    elif group is not None and given["cells"] == "matching" and not shared:
        checker.at_value("SAME1005", "SAME-PIP-041", at, "the steps have no dimension in common")
    elif group is not None and given["cells"] == "matching":
        for dimension in sorted(shared):
            wanted = _dimension(checker, path, dimension)
            there = _dimension(checker, ("pipeline", group, source), dimension)
            if wanted is not None and there is not None and wanted - there:
                checker.at_value("SAME1005", "SAME-PIP-041", at, f"{dimension} has values without a cell")


def _dimension(checker: Checker, step: Steps, name: str) -> set[str] | None:
    here: object = checker.whole
    for key in (*step, "matrix", name):
        here = here.get(key) if isinstance(here, dict) else None  # type: ignore[call-overload]
    return {text_of(value) for value in here} if isinstance(here, list) else None
