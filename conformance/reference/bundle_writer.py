"""Packing: the objects of a bundle and the archive that they make (SAME-BND-014 to SAME-BND-023, SAME-BND-045)."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import canonical_json
import canonical_tar
import objects
import references
import tree
from findings import refuse
from objects import Descriptor

REPRODUCING = Path(__file__).resolve().parents[2] / "spec" / "v1" / "constants" / "REPRODUCING.txt"


@dataclass(frozen=True)
class Content:
    """A file to pack: how long it is, and how to read it, as often as is needed."""

    size: int
    executable: bool
    read: Callable[[], Iterable[bytes]]

    @staticmethod
    def of(data: bytes, executable: bool = False) -> "Content":
        """Content that is in memory."""
        return Content(len(data), executable, lambda: (data,))

    def bytes(self) -> bytes:
        """The whole content."""
        return b"".join(self.read())


@dataclass
class Blob:
    """A blob that an archive will hold."""

    descriptor: Descriptor
    content: Content


@dataclass
class Packed:
    """An object with its manifest and the blobs that it names, in the order of SAME-BND-019."""

    artifact_type: str
    manifest: Blob
    blobs: list[Blob]
    document: dict = field(default_factory=dict)
    copies: dict[str, Content] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The digest of the object's manifest."""
        return self.manifest.descriptor.digest

    def entry(self) -> dict:
        """Its descriptor in an index (SAME-BND-021)."""
        return {**self.manifest.descriptor.as_json(), "artifactType": self.artifact_type}


def _blob(media_type: str, data: bytes) -> Blob:
    return Blob(objects.describe(media_type, data), Content.of(data))


def _tar(media_type: str, files: dict[str, Content]) -> Blob:
    """A layer: the canonical tar of files, sorted by the bytes of their paths (SAME-BND-003)."""
    ordered = sorted(files, key=lambda path: path.encode("utf-8"))

    def read() -> Iterator[bytes]:
        return canonical_tar.write((p, files[p].size, files[p].executable, files[p].read) for p in ordered)

    digest = hashlib.sha256()
    size = 0
    for chunk in read():
        digest.update(chunk)
        size += len(chunk)
    return Blob(Descriptor(media_type, "sha256:" + digest.hexdigest(), size), Content(size, False, read))


def _manifest(artifact_type: str, config: Blob, layers: list[dict], rest: dict) -> Blob:
    document = {
        "schemaVersion": 2,
        "mediaType": objects.MANIFEST,
        "artifactType": artifact_type,
        "config": config.descriptor.as_json(),
        "layers": layers,
        **rest,
    }
    return _blob(objects.MANIFEST, canonical_json.bytes_of(document))


def program(manifest: dict, source: Content, lock: dict | None, code: dict[str, Content]) -> Packed:
    """The program object: `source` are the author's bytes of `same.yaml`, `manifest` what they say."""
    layers = [Blob(objects.describe(objects.LAYER_MANIFEST, source.bytes()), source)]
    if lock is not None:
        layers.append(_blob(objects.LAYER_LOCK, canonical_json.bytes_of(lock)))
    layers.append(_tar(objects.LAYER_CODE, code))
    targets = objects.target_paths(manifest)
    described = {path: file for path, file in code.items() if any(objects.below(path, t) for t in targets)}
    if described:
        layers.append(_tar(objects.LAYER_INFRASTRUCTURE, described))
    listed = []
    for layer in layers:
        kind, path = objects.PROGRAM_LAYERS[layer.descriptor.media_type]
        listed.append({"path": path, "digest": layer.descriptor.digest, "kind": kind})
    config = _blob(objects.PROGRAM_CONFIG, canonical_json.bytes_of({"manifest": manifest, "layers": listed}))
    annotations = objects.program_annotations(manifest)
    whole = _manifest(
        objects.PROGRAM, config, [layer.descriptor.as_json() for layer in layers], {"annotations": annotations}
    )
    copies = {"same.yaml": Content(source.size, False, source.read)}
    if lock is not None:
        copies["same.lock"] = layers[1].content
    for name in objects.COPIES:
        if name in code and code[name].size <= objects.COPY_LIMIT:
            copies[name] = Content(code[name].size, False, code[name].read)
    copies["REPRODUCING.md"] = Content.of(REPRODUCING.read_bytes())
    return Packed(objects.PROGRAM, whole, [config, *layers], manifest, copies)


def _record(artifact_type: str, layers: list[Blob], described: list[dict], subject: Packed, rest: dict) -> Packed:
    config = _blob(objects.EMPTY, objects.EMPTY_BYTES)
    manifest = _manifest(artifact_type, config, described, {"subject": subject.entry(), **rest})
    return Packed(artifact_type, manifest, [config, *layers])


def run(record: dict, subject: Packed) -> Packed:
    """A run object."""
    layer = _blob(objects.RUN_RECORD, canonical_json.bytes_of(record))
    packed = _record(
        objects.RUN, [layer], [layer.descriptor.as_json()], subject, {"annotations": objects.run_annotations(record)}
    )
    packed.document = record
    return packed


def origin(value: dict, subject: Packed) -> Packed:
    """An origin object."""
    record = {"apiVersion": "same/v1", "kind": "Origin", "origin": value}
    layer = _blob(objects.ORIGIN_RECORD, canonical_json.bytes_of(record))
    annotations = objects.origin_annotations(value)
    return _record(objects.ORIGIN, [layer], [layer.descriptor.as_json()], subject, {"annotations": annotations})


def data(contents: dict[str, bytes], subject: Packed) -> Packed:
    """A data object: content by the name of its pointer (SAME-BND-046)."""
    layers = []
    described = []
    for name in sorted(contents, key=canonical_json.code_units):
        layer = _blob(objects.DATASET, contents[name])
        layers.append(layer)
        described.append({**layer.descriptor.as_json(), "annotations": {objects.DATA_NAME: name}})
    return _record(objects.DATA, layers, described, subject, {})


def created(source_date_epoch: str) -> str:
    """The time of SAME-BND-045 as it is written; raises Refused."""
    if not re.fullmatch(r"[0-9]{1,18}", source_date_epoch) or int(source_date_epoch) > 253402300799:
        raise refuse("SAME1902", "SAME-BND-045", "SOURCE_DATE_EPOCH is no integer from 0 to 253402300799")
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(source_date_epoch))
    return moment.isoformat(timespec="seconds") + "Z"


@dataclass
class Archive:
    """An archive that can be written as often as wanted."""

    files: list[tuple[str, Content]]
    program: str
    index: str

    def write(self) -> Iterator[bytes]:
        """The bytes of the outer tar."""
        return canonical_tar.write((path, c.size, c.executable, c.read) for path, c in self.files)


def archive(packed: Packed, ancestors: list[Packed], others: list[Packed], source_date_epoch: str | None) -> Archive:
    """The archive of a program, its ancestors from the nearest to the farthest, and other objects (SAME-BND-019)."""
    ordered = sorted(others, key=lambda item: (objects.KINDS.index(item.artifact_type), item.digest))
    version = packed.document["metadata"]["version"]
    annotations = {objects.REF_NAME: references.tag(version)}
    if source_date_epoch is not None:
        annotations[objects.CREATED] = created(source_date_epoch)
    listed = [packed, *ancestors, *ordered]
    index = canonical_json.bytes_of(
        {
            "schemaVersion": 2,
            "mediaType": objects.INDEX,
            "manifests": [{**packed.entry(), "annotations": annotations}, *(item.entry() for item in listed[1:])],
        }
    )
    files = [("oci-layout", Content.of(objects.OCI_LAYOUT)), ("index.json", Content.of(index))]
    files += sorted(packed.copies.items())
    written = set()
    for item in listed:
        for blob in [item.manifest, *item.blobs]:
            hexadecimal = blob.descriptor.digest.removeprefix("sha256:")
            if hexadecimal not in written:
                written.add(hexadecimal)
                files.append((f"blobs/sha256/{hexadecimal}", Content(blob.content.size, False, blob.content.read)))
    return Archive(files, packed.digest, tree.digest(index))
