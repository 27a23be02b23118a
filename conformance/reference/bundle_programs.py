"""The programs of a bundle: their layers, configs and annotations, and what they are committed from."""

from __future__ import annotations

import datetime
import re

import canonical_json
import lock
import manifest
import objects
import references
from bundle_content import LATER, NOTHING, BundleContent, descriptor_of
from bundle_parts import File, Program, Slice, hash_of
from canonical_tar import Scanner

_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")


def program_of(bundle: BundleContent, entry: dict, document: dict) -> Program:
    """The program that a manifest names, as far as it can be read (SAME-BND-014 to SAME-BND-016)."""
    program = Program(entry)
    place = entry["digest"]
    layers = {}
    sequence = [layer["mediaType"] for layer in document["layers"]]
    table = list(objects.PROGRAM_LAYERS)
    if sequence != sorted(set(sequence), key=table.index) or not (
        {objects.LAYER_MANIFEST, objects.LAYER_CODE} <= set(sequence)
    ):
        bundle.find("SAME1302", "SAME-BND-014", "the layers are not those of a program, in their order", place)
        bundle.all_read = False
        return program
    for layer in document["layers"]:
        layers[layer["mediaType"]] = bundle.blob(descriptor_of(layer), place)
    config = bundle.blob(descriptor_of(document["config"]), place)
    source = layers[objects.LAYER_MANIFEST]
    if source is not None:
        program.source = source
        program.manifest = _same_yaml(bundle, source, place)
    if objects.LAYER_LOCK in layers and layers[objects.LAYER_LOCK] is not None:
        _same_lock(bundle, program, layers[objects.LAYER_LOCK], place)
    code = layers[objects.LAYER_CODE]
    if code is not None:
        code_whole = _code(bundle, program, code, place)
        infrastructure = layers.get(objects.LAYER_INFRASTRUCTURE)
        if program.manifest is not None and code_whole:
            _infrastructure(bundle, program, infrastructure, objects.LAYER_INFRASTRUCTURE in layers, place)
        elif infrastructure is not None:
            _tar(bundle, infrastructure, f"{place}: infrastructure layer")
        program.whole = code_whole and program.manifest is not None
    if config is not None:
        _config(bundle, program, config, document, place)
    if program.manifest is not None:
        if document["annotations"] != objects.program_annotations(program.manifest):
            bundle.find("SAME1302", "SAME-BND-016", "the annotations are not those of the metadata", place)
            bundle.find("SAME1302", "SAME-BND-040", "the annotations are not those of the metadata", place)
    return program


def _same_yaml(bundle: BundleContent, source: Slice, place: str) -> dict | None:
    if source.size > bundle.limits.yaml:
        bundle.find("SAME1304", "SAME-BND-034", f"same.yaml is longer than {bundle.limits.yaml} bytes", place)
        return None
    read = manifest.read(source.bytes())
    later = read.value.get("apiVersion") if isinstance(read.value, dict) else None
    if isinstance(later, str) and LATER.match(later):
        bundle.find("SAME1307", "SAME-BND-036", f"same.yaml needs {later}", place)
        return None
    for finding in read.findings:
        bundle.find(finding.code, finding.clause or "", finding.message, f"same.yaml:{finding.place}")
    return None if read.findings else read.value  # type: ignore[return-value]


def _same_lock(bundle: BundleContent, program: Program, content: Slice, place: str) -> None:
    if content.size <= bundle.limits.json:
        program.lock_bytes = content.bytes()
    document = bundle.document(content, f"{place}: same.lock")
    if document is NOTHING:
        return
    if isinstance(document, dict) and bundle.later(document, "same.lock"):
        return
    problems = lock.problems(document)
    for finding in problems:
        bundle.report(finding)
    if not problems:
        program.lock = document  # type: ignore[assignment]


def _tar(bundle: BundleContent, content: Slice, label: str) -> Scanner:
    return Scanner(content.stream, content.offset, content.size, bundle.limits, bundle.report, label).scan()


def _code(bundle: BundleContent, program: Program, content: Slice, place: str) -> bool:
    before = len(bundle.findings)
    scanner = _tar(bundle, content, f"{place}: code layer")
    for entry in scanner.entries:
        if entry.path in ("same.yaml", "same.lock"):
            bundle.find("SAME1302", "SAME-BND-014", f"{entry.path} is in the code layer", place)
        part = Slice(content.stream, entry.offset, entry.size)
        program.files[entry.path] = File(entry.path, entry.executable, entry.size, hash_of(part), part)
    return len(bundle.findings) == before


def _infrastructure(bundle: BundleContent, program: Program, content: Slice | None, listed: bool, place: str) -> None:
    """The infrastructure layer holds the code layer's files below the declared targets (SAME-BND-015)."""
    targets = objects.target_paths(program.manifest or {})
    wanted = {
        path: (file.executable, file.size, file.sha256)
        for path, file in program.files.items()
        if any(objects.below(path, target) for target in targets)
    }
    if not listed:
        if wanted:
            bundle.find("SAME1302", "SAME-BND-015", "there is no infrastructure layer", place)
        return
    if content is None:
        return
    before = len(bundle.findings)
    scanner = _tar(bundle, content, f"{place}: infrastructure layer")
    if len(bundle.findings) > before:
        return
    found = {
        entry.path: (entry.executable, entry.size, hash_of(Slice(content.stream, entry.offset, entry.size)))
        for entry in scanner.entries
    }
    if found != wanted or not wanted:
        bundle.find("SAME1302", "SAME-BND-015", "the infrastructure layer holds other files than it must", place)


def _config(bundle: BundleContent, program: Program, content: Slice, document: dict, place: str) -> None:
    config = bundle.document(content, f"{place}: config")
    if config is NOTHING:
        return
    listed = []
    for layer in document["layers"]:
        kind, path = objects.PROGRAM_LAYERS[layer["mediaType"]]
        listed.append({"path": path, "digest": layer["digest"], "kind": kind})
    if not isinstance(config, dict) or set(config) != {"manifest", "layers"} or config["layers"] != listed:
        bundle.find("SAME1302", "SAME-BND-014", "the config is not that of the layers", place)
    if isinstance(config, dict) and isinstance(config.get("manifest"), dict):
        if bundle.later(config["manifest"], f"{place}: config"):
            return
    if program.manifest is not None and isinstance(config, dict):
        if canonical_json.bytes_of(config.get("manifest")) != canonical_json.bytes_of(program.manifest):
            bundle.find("SAME1302", "SAME-BND-015", "the config's manifest is not what same.yaml says", place)


def check_annotations(bundle: BundleContent, entry: dict, program: Program) -> None:
    """The annotations of the index's first entry (SAME-BND-020, SAME-BND-045)."""
    annotations = entry.get("annotations")
    if not isinstance(annotations, dict) or program.manifest is None:
        if "annotations" in entry and not isinstance(annotations, dict):
            bundle.find("SAME1302", "SAME-BND-020", "annotations is no object", "index.json")
        return
    rest = dict(annotations)
    if rest.pop(objects.REF_NAME, None) != references.tag(program.manifest["metadata"]["version"]):
        bundle.find("SAME1302", "SAME-BND-020", "the first entry does not hold the version's tag", "index.json")
    created = rest.pop(objects.CREATED, None)
    if objects.CREATED in annotations and not _is_instant(created):
        bundle.find("SAME1302", "SAME-BND-045", "created is no time as it must be written", "index.json")
    if rest:
        bundle.find("SAME1302", "SAME-BND-020", f"the first entry has the annotations {sorted(rest)}", "index.json")
        bundle.find("SAME1302", "SAME-BND-040", f"the first entry has the annotations {sorted(rest)}", "index.json")


def check_ancestors(bundle: BundleContent, programs: list[Program]) -> None:
    """Each program after the first is the ancestor of the one before it (SAME-BND-027, SAME-REF-026)."""
    for younger, older in zip(programs, programs[1:]):
        if younger.manifest is None or older.manifest is None:
            return
        said = younger.manifest["metadata"].get("derivedFrom", {})
        own = older.manifest["metadata"]
        if (
            said.get("digest") != older.entry["digest"]
            or said.get("name") != own["name"]
            or said.get("version") != own["version"]
            or own["name"] != younger.manifest["metadata"]["name"]
        ):
            bundle.find("SAME1302", "SAME-BND-027", "a program is listed that is no ancestor", older.entry["digest"])


def _is_instant(text: object) -> bool:
    if not isinstance(text, str) or not _CREATED.match(text):
        return False
    try:
        moment = datetime.datetime.fromisoformat(text[:-1])
    except ValueError:
        return False
    return moment.year >= 1970
