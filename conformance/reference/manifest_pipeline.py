"""The steps of a manifest: what they name, where they read and write, and that none waits for itself (SAME-PIP)."""

from __future__ import annotations

import manifest_cells
import templates
from manifest_checker import Checker
from program_paths import place_parts
from schema import Steps


def check(checker: Checker) -> None:
    """Everything about steps."""
    for name in checker.section("pipeline", "finally"):
        if name in checker.declared("pipeline", "steps"):
            checker.at_key("SAME1005", "SAME-PIP-036", ("pipeline", "finally", name), "is the name of a step too")
    for group, name, step in checker.all_steps():
        _step(checker, group, ("pipeline", group, name), step)
    _cycles(checker)
    manifest_cells.combinations(checker)


def _step(checker: Checker, group: str, path: Steps, step: dict) -> None:
    for key, section in (("parameters", "parameters"), ("secrets", "secrets"), ("services", "services")):
        for index, named in enumerate(step.get(key, [])):
            if named not in checker.declared(section):
                checker.at_value("SAME1009", "SAME-PRG-014", (*path, key, index), "is not declared")
    environment = step.get("environment", "default")
    if environment != "default" and environment not in checker.declared("environments"):
        checker.at_value("SAME1009", "SAME-PRG-014", (*path, "environment"), "is not declared")
    sources = ("steps",) if group == "steps" else ("steps", "finally")
    for name, given in step.get("inputs", {}).items():
        here = (*path, "inputs", name)
        own = checker.node(here).value
        if "from" in own and "data" in own:  # type: ignore[operator]
            checker.at_key("SAME1005", "SAME-PIP-005", (*here, "data"), "excludes from")
            continue
        if "from" not in own and "data" not in own:  # type: ignore[operator]
            checker.at_key("SAME1008", "SAME-PIP-005", here, "has neither from nor data")
        if "from" in given and not checker.leads_to(given["from"], sources):
            checker.at_value("SAME1009", "SAME-PRG-014", (*here, "from"), "leads to no output of a step")
        if "data" in given and given["data"] not in checker.declared("data"):
            checker.at_value("SAME1009", "SAME-PRG-014", (*here, "data"), "is not declared")
        manifest_cells.fan_in(checker, path, name, given, sources)
    manifest_cells.check(checker, group, path, step)
    for name in step.get("outputs", {}):
        if name in ("stdout", "stderr"):
            checker.at_key("SAME1005", "SAME-PIP-007", (*path, "outputs", name), "is what the step prints")
    _places(checker, path, step)
    if "run" in step:
        _command(checker, path, step)


def _places(checker: Checker, path: Steps, step: dict) -> None:
    """No two places of one step lie at or below one another (SAME-PIP-007)."""
    earlier: list[list[str]] = []
    for section, key in (("inputs", "at"), ("outputs", "path")):
        for name, artifact in step.get(section, {}).items():
            here = (*path, section, name, key)
            if key not in artifact or here in checker.removed:
                continue
            parts = place_parts(artifact[key])
            if any(parts[: len(other)] == other or other[: len(parts)] == parts for other in earlier):
                checker.at_value("SAME1005", "SAME-PIP-007", here, "lies at, below or above another place")
            earlier.append(parts)


def _command(checker: Checker, path: Steps, step: dict) -> None:
    """SAME-PIP-009, SAME-PIP-010, SAME-PIP-012."""
    seen = set(step["parameters"]) if "parameters" in step else checker.declared("parameters")
    known = {
        "parameters": seen & checker.declared("parameters") if "parameters" not in step else seen,
        "inputs": checker.declared(*path, "inputs"),  # type: ignore[arg-type]
        "outputs": checker.declared(*path, "outputs"),  # type: ignore[arg-type]
        "matrix": manifest_cells.dimensions(checker, *path),  # type: ignore[arg-type]
    }
    if "parameters" in checker.node(path).value and "parameters" not in step:  # type: ignore[operator]
        known["parameters"] = checker.declared("parameters")
    run = step["run"]
    here = (*path, "run")
    if isinstance(run, str):
        fine = templates.unquoted(run)
        for spot in templates.spots(run):
            why = templates.unknown(spot, known)
            clause = "SAME-PIP-009"
            if why is None and spot.start not in fine:
                why, clause = "a place would become shell syntax here", "SAME-PIP-012"
            if why is not None:
                checker.at_value("SAME1010", clause, here, why)
        return
    command = templates.shell_text(run)
    for index, word in enumerate(run):
        for spot in templates.spots(word):
            why = templates.unknown(spot, known)
            clause = "SAME-PIP-009"
            if why is None and index == command:
                why, clause = "a place would become shell syntax here", "SAME-PIP-012"
            if why is None and spot.content == "flags" and (spot.start, spot.stop) != (0, len(word)):
                why, clause = "{{flags}} is a part of a word", "SAME-PIP-012"
            if why is not None:
                checker.at_value("SAME1010", clause, (*here, index), why)


def _cycles(checker: Checker) -> None:
    """SAME-PIP-014: each cycle once, at the first of its steps."""
    after: dict[str, set[str]] = {}
    group_of: dict[str, str] = {}
    for group, name, step in checker.all_steps():
        group_of.setdefault(name, group)
        sources = after.setdefault(name, set())
        for given in step.get("inputs", {}).values():
            if isinstance(given.get("from"), str) and "data" not in given:
                groups = ("steps",) if group == "steps" else ("steps", "finally")
                if checker.leads_to(given["from"], groups):
                    sources.add(given["from"].partition(".")[0])
        groups = ("steps",) if group == "steps" else ("steps", "finally")
        if checker.leads_to(step.get("foreach", ""), groups):
            sources.add(step["foreach"].partition(".")[0])
    for component in _components(after):
        first = component[0]
        if len(component) > 1 or first in after[first]:
            path = ("pipeline", group_of[first], first)
            checker.at_key("SAME1013", "SAME-PIP-014", path, "reads what comes of its own output")


def _components(after: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components, each in the order of the manifest."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        pending = list(after[start])
        while pending:
            name = pending.pop()
            if name in after and name not in seen:
                seen.add(name)
                pending.extend(after[name])
        return seen

    reach = {name: reached(name) for name in after}
    result = []
    placed: set[str] = set()
    for name in after:
        if name in placed:
            continue
        component = [other for other in after if other == name or (other in reach[name] and name in reach[other])]
        placed.update(component)
        result.append(component)
    return result
