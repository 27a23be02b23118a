"""The records of a bundle: runs, origins, data, and those of which nothing more is known here."""

from __future__ import annotations

import canonical_json
import objects
import run_record
from bundle_content import NOTHING, BundleContent, descriptor_of
from bundle_parts import Program


def record_of(bundle: BundleContent, entry: dict, document: dict) -> object:
    """The one JSON document of an object, or NOTHING; of verifications and signatures no more is known here."""
    content = bundle.blob(descriptor_of(document["layers"][0]), entry["digest"])
    bundle.blob(descriptor_of(document["config"]), entry["digest"])
    if content is None:
        return NOTHING
    # A signature is as its signer wrote it (SAME-BND-035).
    return bundle.document(content, entry["digest"], any_form=document["artifactType"] == objects.SIGNATURE)


def run_of(bundle: BundleContent, entry: dict, document: dict, subject: Program | None) -> dict | None:
    """The record of a run, where it is one (SAME-BND-017, SAME-BND-038)."""
    place = entry["digest"]
    record = record_of(bundle, entry, document)
    if record is NOTHING or (isinstance(record, dict) and bundle.later(record, place)):
        return None
    problems = run_record.problems(record)
    if problems:
        bundle.find("SAME1302", "SAME-BND-038", f"the record is not valid: {problems[0]}", place)
        return None
    assert isinstance(record, dict)
    if record["status"] not in run_record.FINAL:
        bundle.find("SAME1302", "SAME-BND-038", "the run is not final", place)
        bundle.find("SAME1302", "SAME-BND-027", "the run is not final", place)
    said = record["program"]
    if subject is not None:
        own = subject.manifest["metadata"] if subject.manifest else None
        if said["digest"] != subject.entry["digest"] or (
            own is not None and (said["name"], said["version"]) != (own["name"], own["version"])
        ):
            bundle.find("SAME1302", "SAME-BND-038", "the record names another program than its subject", place)
    if document["annotations"] != objects.run_annotations(record):
        bundle.find("SAME1302", "SAME-BND-017", "the annotations are not those of the record", place)
        bundle.find("SAME1302", "SAME-BND-040", "the annotations are not those of the record", place)
    return record


def check_origin(bundle: BundleContent, entry: dict, document: dict) -> None:
    """Where a program came from (SAME-BND-041, SAME-BND-053)."""
    place = entry["digest"]
    record = record_of(bundle, entry, document)
    if record is NOTHING:
        return
    if isinstance(record, dict) and bundle.later(record, place):
        return
    if (
        not isinstance(record, dict)
        or set(record) != {"apiVersion", "kind", "origin"}
        or record["apiVersion"] != "same/v1"
        or record["kind"] != "Origin"
    ):
        bundle.find("SAME1302", "SAME-BND-053", "the record of an origin is not as it must be", place)
        return
    why = objects.origin_problem(record["origin"])
    if why is not None:
        bundle.find("SAME1302", "SAME-BND-053", why, place)
        return
    if document["annotations"] != objects.origin_annotations(record["origin"]):
        bundle.find("SAME1302", "SAME-BND-041", "the annotations are not those of the origin", place)
        bundle.find("SAME1302", "SAME-BND-040", "the annotations are not those of the origin", place)


def check_data(bundle: BundleContent, entry: dict, document: dict, subject: Program | None) -> None:
    """The content of data that travels (SAME-BND-046)."""
    place = entry["digest"]
    bundle.blob(descriptor_of(document["config"]), place)
    names = []
    for layer in document["layers"]:
        bundle.blob(descriptor_of(layer), place)
        annotations = layer["annotations"]
        if not isinstance(annotations, dict) or set(annotations) != {objects.DATA_NAME}:
            bundle.find("SAME1302", "SAME-BND-046", "a layer has other annotations than its name", place)
            continue
        name = annotations[objects.DATA_NAME]
        if not isinstance(name, str):
            bundle.find("SAME1302", "SAME-BND-046", "the name of a layer is no text", place)
            continue
        names.append(name)
        if subject is None or subject.manifest is None:
            continue
        pointer = subject.manifest.get("data", {}).get(name)
        if pointer is None or pointer.get("carry") == "never":
            bundle.find("SAME1302", "SAME-BND-046", f"{name} is not declared or never carried", place)
            continue
        stated = pointer.get("digest")
        if stated is None and subject.lock is not None:
            stated = subject.lock.get("data", {}).get(name, {}).get("digest")
        if stated != layer["digest"]:
            bundle.find("SAME1302", "SAME-BND-046", f"the content of {name} has another digest", place)
    keys = [canonical_json.code_units(name) for name in names]
    if any(a >= b for a, b in zip(keys, keys[1:])):
        bundle.find("SAME1302", "SAME-BND-046", "the layers are not sorted by their names", place)
