"""A bundle's index and the manifests that it lists (SAME-BND-013, SAME-BND-020, SAME-BND-021, SAME-BND-040)."""

from __future__ import annotations

import objects
import tree
from bundle_content import NOTHING, BundleContent
from objects import Descriptor

_INDEX_MEMBERS = ("mediaType", "artifactType", "digest", "size")


def entries_of(bundle: BundleContent, document: object) -> list[dict] | None:
    """The index's entries (SAME-BND-020, SAME-BND-021), or None where they cannot be made out."""
    place = "index.json"
    members = {"schemaVersion", "mediaType", "manifests"}
    if not isinstance(document, dict) or not isinstance(document.get("manifests"), list):
        bundle.find("SAME1302", "SAME-BND-020", "is no OCI image index", place)
        return None
    if set(document) != members or not _same(document["schemaVersion"], 2) or document["mediaType"] != objects.INDEX:
        bundle.find("SAME1302", "SAME-BND-020", "has other members than an index has", place)
    if not document["manifests"]:
        bundle.find("SAME1302", "SAME-BND-020", "lists no program", place)
        return None
    entries = []
    seen = set()
    for number, entry in enumerate(document["manifests"]):
        extra = ("artifactType", "annotations") if number == 0 else ("artifactType",)
        why = objects.descriptor_problem(entry, extra)
        if why is not None:
            if isinstance(entry, dict) and set(entry) - {"annotations"} == set(_INDEX_MEMBERS):
                wrong = "annotations" if ("annotations" in entry) != (number == 0) else ""
                if wrong:
                    bundle.find("SAME1302", "SAME-BND-020", "only the first entry has annotations", place)
            bundle.find("SAME1302", "SAME-BND-021", f"entry {number}: {why}", place)
            bundle.all_read = False
            bundle.index_whole = False
            if not isinstance(entry, dict) or objects.descriptor_problem(
                {key: entry.get(key) for key in ("mediaType", "digest", "size")}
            ):
                if number == 0:
                    return None
                continue
        if entry["mediaType"] != objects.MANIFEST:
            bundle.find("SAME1302", "SAME-BND-021", f"entry {number} is of media type {entry['mediaType']}", place)
        if entry["digest"] in seen:
            bundle.find("SAME1302", "SAME-BND-021", f"{entry['digest']} is listed twice", place)
            continue
        seen.add(entry["digest"])
        entries.append(entry)
    return entries


def manifest_of(bundle: BundleContent, entry: dict) -> dict | None:
    """The manifest that an entry of the index names, checked by SAME-BND-013 and SAME-BND-040."""
    digest = entry["digest"]
    content = bundle.blob(Descriptor(entry["mediaType"], digest, entry["size"]), "index.json")
    if content is None:
        return None
    if content.size > objects.MANIFEST_LIMIT:
        code = "SAME1304" if content.size > bundle.limits.json else "SAME1302"
        bundle.find(code, "SAME-BND-013", "a manifest is longer than 4 MiB", digest)
    document = bundle.document(content, digest)
    if document is NOTHING:
        return None
    if not isinstance(document, dict):
        bundle.find("SAME1302", "SAME-BND-040", "a manifest is no object", digest)
        return None
    kind = document.get("artifactType")
    if not isinstance(kind, str):
        bundle.find("SAME1302", "SAME-BND-040", "a manifest has no artifactType", digest)
        return None
    if kind not in objects.KINDS:
        if kind in objects.NAMED:
            bundle.find("SAME1302", "SAME-BND-013", f"{kind} is no artifactType", digest)
        else:
            bundle.find("SAME1307", "SAME-BND-013", f"the artifactType {kind} is not known", digest)
        return None
    members = {"schemaVersion", "mediaType", "artifactType", "config", "layers"}
    if kind != objects.PROGRAM:
        members.add("subject")
    if kind not in objects.WITHOUT_ANNOTATIONS:
        members.add("annotations")
    if set(document) != members:
        bundle.find("SAME1302", "SAME-BND-040", f"the manifest has the members {sorted(document)}", digest)
    if not _same(document.get("schemaVersion"), 2) or document.get("mediaType") != objects.MANIFEST:
        bundle.find("SAME1302", "SAME-BND-040", "schemaVersion or mediaType is not that of a manifest", digest)
    if not members <= set(document):
        return None
    why = objects.descriptor_problem(document["config"])
    layers = document["layers"]
    if why is None and not isinstance(layers, list):
        why = "layers is no list"
    if why is None:
        extra = ("annotations",) if kind == objects.DATA else ()
        for layer in layers:
            why = why or objects.descriptor_problem(layer, extra)
    if why is not None:
        bundle.find("SAME1302", "SAME-BND-040", why, digest)
        return None
    wanted_config = objects.PROGRAM_CONFIG if kind == objects.PROGRAM else objects.EMPTY
    wanted_layers = set(objects.PROGRAM_LAYERS) if kind == objects.PROGRAM else {objects.RECORDS[kind]}
    known = _media_type(bundle, document["config"]["mediaType"], {wanted_config}, digest)
    for layer in layers:
        known = _media_type(bundle, layer["mediaType"], wanted_layers, digest) and known
    if kind != objects.PROGRAM:
        config = document["config"]
        if config["mediaType"] == objects.EMPTY and (
            config["size"] != len(objects.EMPTY_BYTES) or config["digest"] != tree.digest(objects.EMPTY_BYTES)
        ):
            bundle.find("SAME1302", "SAME-BND-012", "an empty config is not {}", digest)
        if (len(layers) != 1 and kind != objects.DATA) or not layers:
            bundle.find("SAME1302", "SAME-BND-040", f"there are {len(layers)} layers", digest)
            known = False
    bundle.expect("sha256:" + digest.removeprefix("sha256:"))
    bundle.expect(document["config"]["digest"])
    for layer in layers:
        bundle.expect(layer["digest"])
    return document if known else None


def _media_type(bundle: BundleContent, found: str, wanted: set[str], place: str) -> bool:
    if found in wanted:
        return True
    if found in objects.NAMED:
        bundle.find("SAME1302", "SAME-BND-013", f"{found} stands where it may not", place)
        bundle.find("SAME1302", "SAME-BND-040", f"{found} stands where it may not", place)
    else:
        bundle.find("SAME1307", "SAME-BND-013", f"the media type {found} is not known", place)
    return False


def subject_of(bundle: BundleContent, entry: dict, document: dict, listed: dict, types: dict) -> str | None:
    """The digest of what an object belongs to, when that is in the bundle and of the right kind."""
    place = entry["digest"]
    clause = "SAME-BND-038" if document["artifactType"] == objects.RUN else "SAME-BND-040"
    subject = document["subject"]
    why = objects.descriptor_problem(subject, ("artifactType",))
    if why is not None:
        bundle.find("SAME1302", "SAME-BND-040", f"subject: {why}", place)
        return None
    target = listed.get(subject["digest"])
    if target is None and not bundle.index_whole:
        return None
    if target is None:
        bundle.find("SAME1302", "SAME-BND-038", "the subject is not in the bundle", place)
        return None
    allowed = {objects.PROGRAM}
    if document["artifactType"] == objects.SIGNATURE:
        allowed |= {objects.RUN, objects.VERIFICATION}
    kind = types.get(subject["digest"])
    if kind is not None and kind not in allowed:
        bundle.find("SAME1302", clause, "the subject is of another kind", place)
        return None
    if any(subject[key] != target.get(key) for key in ("mediaType", "artifactType", "size")):
        bundle.find("SAME1302", "SAME-BND-040", "the subject says something else than the index", place)
    return subject["digest"]


def _same(value: object, number: int) -> bool:
    return value == number and not isinstance(value, bool)
