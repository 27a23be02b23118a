"""What the chapters ask of a manifest beyond its shape, section by section; of its pipeline elsewhere."""

from __future__ import annotations

import re

import manifest_cells
import manifest_pipeline
import parameters
import re2_pattern
import references
import versions
from manifest_checker import Checker
from manifest_places import PATHS, PLACES, found
from program_paths import ADDRESS, path_problem, place_parts
from schema import BROKEN, Steps

_POINTER = re.compile(r"(/([^~/]|~[01])*)*\Z")


def check(checker: Checker) -> None:
    """What the prose asks for beyond shape, of what is left."""
    if not checker.value:
        return
    _metadata(checker)
    _paths(checker)
    _data(checker)
    _environments(checker)
    _targets(checker)
    _parameters(checker)
    _profiles(checker)
    manifest_pipeline.check(checker)
    _outputs(checker)
    _metrics(checker)
    _claims(checker)
    _extensions(checker)


def _metadata(checker: Checker) -> None:
    version = checker.section("metadata").get("version")
    if isinstance(version, str) and not versions.is_version(version):
        checker.at_value("SAME1202", "SAME-REF-003", ("metadata", "version"), "is no version")
    name = checker.section("metadata").get("name")
    if isinstance(name, str) and not references.is_name(name):
        checker.at_value("SAME1201", "SAME-REF-001", ("metadata", "name"), "is no name")


def _paths(checker: Checker) -> None:
    for path, text in found(checker.value, PATHS):
        why = path_problem(text)
        if why is not None:
            checker.at_value("SAME1014", "SAME-PRG-015", path, why)
            checker.removed.add(path)
    for path, text in found(checker.value, PLACES):
        if path not in checker.removed and place_parts(text) == []:
            checker.at_value("SAME1014", "SAME-PIP-006", path, "is the workdir itself")
            checker.removed.add(path)


def _data(checker: Checker) -> None:
    for name, pointer in checker.section("data").items():
        path = ("data", name)
        uri = pointer.get("uri", "")
        if isinstance(uri, str) and ADDRESS.match(uri):
            if uri[:5].lower() == "file:":
                checker.at_value("SAME1014", "SAME-PRG-025", (*path, "uri"), "a file: address leaves the program")
        elif uri:
            why = path_problem(uri)
            if why is not None:
                checker.at_value("SAME1014", "SAME-PRG-015", (*path, "uri"), why)
            if pointer.get("carry") in ("pointer", "never"):
                message = "a bundle always holds data at a relative path"
                checker.at_value("SAME1005", "SAME-PRG-025", (*path, "carry"), message)
        if pointer.get("mutable") is True and "digest" in pointer:
            checker.at_key("SAME1005", "SAME-PRG-007", (*path, "mutable"), "excludes digest")


def _environments(checker: Checker) -> None:
    secrets = checker.declared("secrets")
    for name, environment in checker.section("environments").items():
        path = ("environments", name)
        own = checker.declared("environments", name)
        languages = [key for key in ("python", "r", "node") if key in own]
        images = [key for key in ("image", "dockerfile") if key in own]
        if "system" in own and images:
            checker.at_key("SAME1005", "SAME-PIP-016", (*path, images[0]), "excludes system")
        elif "system" in own and languages:
            checker.at_key("SAME1005", "SAME-PIP-016", (*path, "system"), f"excludes {languages[0]}")
        elif len(languages) > 1:
            checker.at_key("SAME1005", "SAME-PIP-016", (*path, languages[1]), f"excludes {languages[0]}")
        elif len(images) > 1:
            checker.at_key("SAME1005", "SAME-PIP-016", (*path, "dockerfile"), "excludes image")
        elif "system" not in own and not languages and not images:
            checker.at_key("SAME1008", "SAME-PIP-016", path, "is no kind of environment")
        for language, clause, keys in (
            ("python", "SAME-PIP-016", ("lock", "requirements", "packages")),
            ("r", "SAME-PIP-062", ("lock", "packages")),
        ):
            given = [key for key in keys if key in environment.get(language, {})]
            if len(given) > 1:
                checker.at_key("SAME1005", clause, (*path, language, given[-1]), f"excludes {given[0]}")
        for variable in environment.get("variables", {}):
            if variable in secrets:
                checker.at_key("SAME1005", "SAME-PRG-007", (*path, "variables", variable), "is a secret too")


def _targets(checker: Checker) -> None:
    seen = set()
    for index, target in enumerate(checker.section("infrastructure").get("targets", [])):
        path = ("infrastructure", "targets", index)
        name = target.get("name")
        if name in seen:
            checker.at_value("SAME1005", "SAME-PRG-007", (*path, "name"), "is the name of another target")
        seen.add(name)
        if target.get("kind") == "terraform" and "path" not in checker.node(path).value:  # type: ignore[operator]
            checker.at_key("SAME1008", "SAME-PRG-008", path, "terraform needs a path")


def _parameters(checker: Checker) -> None:
    for name, declaration in checker.section("parameters").items():
        path = ("parameters", name)
        if any(removed[:2] == path for removed in checker.removed):
            continue
        fine = True
        for wrong in parameters.check_declaration(declaration, path):
            fine = fine and wrong.code != "SAME1105"
            place = checker.at_key if wrong.key else checker.at_value
            place(wrong.code, wrong.clause, wrong.path, wrong.message)
        if fine:
            checker.sound[name] = declaration
    declared = checker.node(("parameters",)).value if "parameters" in checker.value else {}
    names = [name for name in declared if isinstance(declared, dict)]
    for name, message in parameters.check_names(names):
        checker.at_key("SAME1106", "SAME-PAR-002", ("parameters", name), message)


def _held(checker: Checker, path: Steps, name: str, value: object, clause: str) -> None:
    """Hold a value in the manifest to the parameter that it is for."""
    if name in checker.sound and value is not BROKEN and path not in checker.removed:
        for wrong in parameters.check_value(checker.sound[name], value):
            checker.at_value(wrong.code, clause, path, wrong.message)


def _profiles(checker: Checker) -> None:
    names = {parameters.folded(name): name for name in checker.declared("parameters")}
    for profile, content in checker.section("profiles").items():
        seen: set[str] = set()
        for key, value in content.get("parameters", {}).items():
            path = ("profiles", profile, "parameters", key)
            name = names.get(parameters.folded(key))
            if name is None:
                checker.at_key("SAME1101", "SAME-PRG-020", path, "no parameter is called so")
            elif name in seen:
                checker.at_key("SAME1106", "SAME-PRG-020", path, f"{name} is named twice")
            else:
                seen.add(name)
                _held(checker, path, name, value, "SAME-PRG-020")


def _outputs(checker: Checker) -> None:
    for name, output in checker.section("outputs").items():
        if "from" in output and not checker.leads_to(output["from"], ("steps", "finally")):
            checker.at_value("SAME1009", "SAME-PRG-014", ("outputs", name, "from"), "leads to no output of a step")


def _metrics(checker: Checker) -> None:
    for name, metric in checker.section("metrics").items():
        path = ("metrics", name)
        own = checker.node(path).value
        assert isinstance(own, dict)
        source = metric.get("from")
        known = False
        is_metrics = False
        if source is not None:
            step, dot, output = source.partition(".")
            for group in ("steps", "finally"):
                if dot and step in checker.declared("pipeline", group):
                    known = known or output in ("stdout", "stderr") or output in checker.outputs_of(group, step)
                    declared = checker.section("pipeline", group, step, "outputs").get(output, {})
                    is_metrics = is_metrics or declared.get("kind") == "metrics"
            if not known:
                checker.at_value("SAME1009", "SAME-PRG-014", (*path, "from"), "leads to nothing that can be read")
        if "json" in own and "regex" in own:
            checker.at_key("SAME1005", "SAME-PIP-028", (*path, "regex"), "excludes json")
        elif "json" not in own and "regex" not in own and known and not is_metrics:
            checker.at_key("SAME1008", "SAME-PIP-028", path, "has neither json nor regex")
        if "take" in own and "regex" not in own:
            checker.at_key("SAME1005", "SAME-PIP-028", (*path, "take"), "goes with regex only")
        if "json" in metric and not _POINTER.match(metric["json"]):
            checker.at_value("SAME1005", "SAME-PIP-028", (*path, "json"), "is no JSON pointer")
        if "regex" in metric:
            try:
                re2_pattern.compile(metric["regex"])
            except re2_pattern.NotRe2 as error:
                checker.at_value("SAME1005", "SAME-PIP-028", (*path, "regex"), f"is no RE2 pattern: {error}")


def _claims(checker: Checker) -> None:
    dimensions = set()
    for group in ("steps", "finally"):
        for step in checker.declared("pipeline", group):
            dimensions |= manifest_cells.dimensions(checker, "pipeline", group, step)
    known = checker.declared("parameters") | dimensions
    seen = set()
    for index, claim in enumerate(checker.value.get("claims", [])):
        path = ("claims", index)
        if "id" in claim:
            if claim["id"] in seen:
                checker.at_value("SAME1005", "SAME-CLM-001", (*path, "id"), "is the id of another claim")
            seen.add(claim["id"])
        if "profile" in claim and claim["profile"] not in checker.declared("profiles"):
            checker.at_value("SAME1009", "SAME-PRG-014", (*path, "profile"), "is not declared")
        if "over" in claim and claim["over"] not in known:
            checker.at_value("SAME1009", "SAME-PRG-014", (*path, "over"), "is not declared")
        for name, value in claim.get("given", {}).items():
            if name not in known:
                checker.at_key("SAME1009", "SAME-PRG-014", (*path, "given", name), "is not declared")
            elif name not in dimensions:
                _held(checker, (*path, "given", name), name, value, "SAME-PRG-020")


def _extensions(checker: Checker) -> None:
    for index, name in enumerate(checker.value.get("requiredExtensions", [])):
        checker.at_value("SAME1012", "SAME-PRG-032", ("requiredExtensions", index), f"{name} is not known here")
