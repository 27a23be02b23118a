"""The OCI objects of a bundle: media types, descriptors, manifests, annotations (SAME-BND-012 to SAME-BND-017)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import canonical_json
import tree

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_BYTES = b"{}"

PROGRAM = "application/vnd.same.program.v1+json"
PROGRAM_CONFIG = "application/vnd.same.program.config.v1+json"
RUN = "application/vnd.same.run.v1+json"
RUN_RECORD = "application/vnd.same.run.record.v1+json"
ORIGIN = "application/vnd.same.origin.v1+json"
ORIGIN_RECORD = "application/vnd.same.origin.record.v1+json"
DATA = "application/vnd.same.data.v1+json"
DATASET = "application/vnd.cncf.model.dataset.v1.raw"
VERIFICATION = "application/vnd.same.verification.v1+json"
VERIFICATION_RECORD = "application/vnd.same.verification.record.v1+json"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"

LAYER_MANIFEST = "application/vnd.same.manifest.v1+yaml"
LAYER_LOCK = "application/vnd.same.lock.v1+json"
LAYER_CODE = "application/vnd.same.code.v1.tar"
LAYER_INFRASTRUCTURE = "application/vnd.same.infrastructure.v1.tar"

PROGRAM_LAYERS = {
    LAYER_MANIFEST: ("manifest", "same.yaml"),
    LAYER_LOCK: ("lock", "same.lock"),
    LAYER_CODE: ("code", "."),
    LAYER_INFRASTRUCTURE: ("infrastructure", "."),
}
"""Kind and path of each layer of a program, in the order of the chapter's table (SAME-BND-014)."""

RECORDS = {
    RUN: RUN_RECORD,
    ORIGIN: ORIGIN_RECORD,
    DATA: DATASET,
    VERIFICATION: VERIFICATION_RECORD,
    SIGNATURE: SIGNATURE,
}
"""The media type of the layers of every object but a program."""

KINDS = [PROGRAM, *RECORDS]
"""Artifact types in the order in which an index lists them (SAME-BND-020)."""

NAMED = {MANIFEST, INDEX, EMPTY, PROGRAM_CONFIG, *KINDS, *RECORDS.values(), *PROGRAM_LAYERS}
"""Every media type that the chapter names (SAME-BND-013)."""

WITHOUT_ANNOTATIONS = {DATA, VERIFICATION, SIGNATURE}
"""Objects whose manifests have no member `annotations` (SAME-BND-040)."""

REF_NAME = "org.opencontainers.image.ref.name"
CREATED = "org.opencontainers.image.created"
DATA_NAME = "dev.same.data.name"
OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
COPIES = ("README.md", "LICENSE", "CITATION.cff")
COPY_LIMIT = 4 * 2**20
MANIFEST_LIMIT = 4 * 2**20
METRICS_BYTES = 512

DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Descriptor:
    """Media type, digest and size of a blob."""

    media_type: str
    digest: str
    size: int

    def as_json(self) -> dict:
        """The descriptor as manifests hold it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def describe(media_type: str, data: bytes) -> Descriptor:
    """The descriptor of bytes."""
    return Descriptor(media_type, tree.digest(data), len(data))


def descriptor_problem(value: object, extra: tuple[str, ...] = ()) -> str | None:
    """Why a value is no descriptor with exactly mediaType, digest, size and the extra members, or None."""
    if not isinstance(value, dict):
        return "a descriptor is no object"
    wanted = {"mediaType", "digest", "size", *extra}
    if set(value) != wanted:
        return f"a descriptor has the members {sorted(value)} instead of {sorted(wanted)}"
    if not isinstance(value["mediaType"], str):
        return "a media type is no text"
    if not isinstance(value["digest"], str) or not DIGEST.match(value["digest"]):
        return "a digest is not sha256: and 64 digits"
    size = value["size"]
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        return "a size is no number of bytes"
    return None


def program_annotations(manifest: dict) -> dict[str, str]:
    """The annotations that the metadata of a manifest gives (SAME-BND-016)."""
    metadata = manifest["metadata"]
    found: dict[str, str] = {}
    for field, key in (
        ("title", "title"),
        ("description", "description"),
        ("version", "version"),
        ("license", "licenses"),
    ):
        if field in metadata:
            found[key] = metadata[field]
    if "authors" in metadata:
        found["authors"] = ", ".join(author["name"] for author in metadata["authors"])
    paper = metadata.get("paper", {})
    if "url" in paper:
        found["documentation"] = paper["url"]
    elif "doi" in paper:
        found["documentation"] = "https://doi.org/" + paper["doi"]
    elif "arxiv" in paper:
        found["documentation"] = "https://arxiv.org/abs/" + paper["arxiv"]
    return {"org.opencontainers.image." + key: value for key, value in found.items()}


def run_annotations(record: dict) -> dict[str, str]:
    """The annotations that a record gives (SAME-BND-017)."""
    found = {"dev.same.run.id": record["id"], "dev.same.run.status": record["status"]}
    text = ""
    for metric in record["metrics"]:
        part = f"{metric['step']}.{metric['name']}={canonical_json.text_of(metric['value'])}"
        longer = f"{text} {part}" if text else part
        if len(longer.encode("utf-8")) > METRICS_BYTES:
            break
        text = longer
    if text:
        found["dev.same.run.metrics"] = text
    return found


def origin_annotations(origin: dict) -> dict[str, str]:
    """The annotations that an origin gives (SAME-BND-041)."""
    found = {}
    if "repository" in origin:
        found["org.opencontainers.image.source"] = origin["repository"]
    if "revision" in origin:
        found["org.opencontainers.image.revision"] = origin["revision"]
    return found


_ORIGIN_TEXTS = ("repository", "revision", "ref", "path", "diff")


def origin_problem(origin: object) -> str | None:
    """Why a value is no origin, or None (SAME-BND-053)."""
    if not isinstance(origin, dict):
        return "the origin is no object"
    if origin.get("kind") not in ("directory", "git", "https", "bundle"):
        return "the origin has no known kind"
    unknown = set(origin) - {"kind", "dirty", *_ORIGIN_TEXTS}
    if unknown:
        return f"the origin has the members {sorted(unknown)}"
    if any(not isinstance(origin[key], str) for key in _ORIGIN_TEXTS if key in origin):
        return "a member of the origin is no text"
    if not isinstance(origin.get("dirty", False), bool):
        return "dirty is neither true nor false"
    return None


def below(path: str, directory: str) -> bool:
    """Whether a path lies below a directory of the program, as written in a manifest."""
    parts = [part for part in directory.split("/") if part not in ("", ".")]
    return path.split("/")[: len(parts)] == parts and len(path.split("/")) > len(parts)


def target_paths(manifest: dict) -> list[str]:
    """The paths of declared targets, whose files are the infrastructure layer."""
    targets = manifest.get("infrastructure", {}).get("targets", [])
    return [target["path"] for target in targets if "path" in target]
