"""Reading a bundle: everything that the chapter asks of one, as findings with clauses (SAME-BND-030 to SAME-BND-053).

A reader looks at the whole bundle and changes nothing. It needs memory for headers and documents only; blobs are
hashed as they stream by.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import bundle_writer
import canonical_json
import canonical_tar
import envelope
import lock
import manifest
import objects
import paths
import references
import run_record
import tree
from canonical_tar import Scanner
from findings import Finding, Refused, refuse
from limits import Limits
from objects import Descriptor

_CHUNK = 1 << 20
_DEPTH = 512
"""Lists and objects of a document lie in one another at most so deep (SAME-BND-035)."""
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})\Z")
_LATER = re.compile(r"same/v([2-9]|[1-9][0-9]+)\Z")
_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")


@dataclass(frozen=True)
class Slice:
    """Bytes inside a stream."""

    stream: BinaryIO
    offset: int
    size: int

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The bytes from start on, in pieces."""
        left = self.size - start if size is None else size
        at = self.offset + start
        while left > 0:
            self.stream.seek(at)
            chunk = self.stream.read(min(left, _CHUNK))
            if not chunk:
                raise OSError("the stream became shorter")
            at += len(chunk)
            left -= len(chunk)
            yield chunk

    def bytes(self) -> bytes:
        """All of them."""
        return b"".join(self.chunks())


@dataclass(frozen=True)
class Member:
    """A file of the outer archive, or of a directory that is read like one."""

    path: str
    executable: bool
    content: Slice


@dataclass
class File:
    """A file of a program."""

    path: str
    executable: bool
    size: int
    sha256: str
    content: Slice


@dataclass
class Program:
    """A program of the bundle as far as it could be read."""

    entry: dict
    manifest: dict | None = None
    source: Slice | None = None
    lock_bytes: bytes | None = None
    files: dict[str, File] = field(default_factory=dict)
    lock: dict | None = None
    whole: bool = False


class Bundle:
    """A bundle that has been read; `findings` is empty if and only if nothing is wrong with it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.findings: list[Finding] = []
        self.digests: dict[str, str] = {}
        self.program: Program | None = None
        self._members: dict[str, Member] = {}
        self._order: list[str] | None = []
        self._refused: set[str] = set()
        self._expected: list[str] = []
        self._all_read = True
        self._index_whole = True
        self._cut = False
        self._damaged: dict[str, bool] = {}
        self._raw: Slice | None = None

    # Opening

    def report(self, finding: Finding) -> None:
        """Keep a finding."""
        if finding not in self.findings:
            self.findings.append(finding)

    def find(self, code: str, clause: str, message: str, place: str | None = None) -> None:
        """Keep a finding that is made here."""
        self.report(Finding(code, clause, message, place))

    def read_file(self, file: BinaryIO, size: int) -> "Bundle":
        """Read a bundle file of any form of compression."""
        try:
            stream, length = envelope.open_archive(file, size, self.limits, self.report)
        except Refused as refusal:
            self.findings.extend(refusal.findings)
            return self
        self._raw = Slice(stream, 0, length)
        scanner = Scanner(stream, 0, length, self.limits, self.report, "archive", in_order=False).scan()
        self._refused = scanner.refused
        self._order = [entry.path for entry in scanner.entries]
        for entry in scanner.entries:
            content = Slice(stream, entry.offset, entry.size)
            self._members[entry.path] = Member(entry.path, entry.executable, content)
        self._cut = not scanner.complete
        self._read_layout()
        return self

    def read_directory(self, directory: Path) -> "Bundle":
        """Read a directory as a bundle (SAME-BND-044)."""
        self._order = None
        siblings = paths.Siblings()
        if not (directory / "oci-layout").exists():
            self.find("SAME1306", "SAME-BND-036", "the directory holds no oci-layout")
            return self
        total = 0
        for path, full in _walk(directory):
            status = os.lstat(full)
            why = None if stat.S_ISREG(status.st_mode) else "is neither file nor directory"
            why = why or paths.refusal(path) or siblings.add(path)
            if why is not None:
                clause = "SAME-BND-033" if stat.S_ISREG(status.st_mode) else "SAME-BND-044"
                self.find("SAME1303", clause, f"the path {why}", path)
                self._refused.add(path)
                continue
            if len(path.encode("utf-8")) > self.limits.path or path.count("/") + 1 > self.limits.depth:
                self.find("SAME1304", "SAME-BND-034", "the path is over the limit", path)
                self._refused.add(path)
                continue
            total += status.st_size
            if len(self._members) >= self.limits.entries or total > self.limits.unpacked:
                self.find("SAME1304", "SAME-BND-034", "the directory holds more than the limits allow")
                return self
            # Opened for each read, so that many files need no many handles.
            content = Slice(_LazyFile(full), 0, status.st_size)  # type: ignore[arg-type]
            self._members[path] = Member(path, bool(status.st_mode & 0o100), content)
        self._read_layout()
        return self

    # The layout

    def _read_layout(self) -> None:
        index = self._members.get("index.json")
        layout = self._members.get("oci-layout")
        if layout is None and self._cut:
            pass
        elif layout is None or layout.content.size > 64 or layout.content.bytes() != objects.OCI_LAYOUT:
            if "oci-layout" not in self._refused:
                self.find("SAME1302", "SAME-BND-019", "oci-layout does not hold exactly the OCI layout's version")
        if index is None:
            if "index.json" not in self._refused and not self._cut:
                self.find("SAME1302", "SAME-BND-019", "index.json is not there", "index.json")
            return
        if self._cut:
            # What was read is judged; what was not is not missed.
            self._all_read = False
        document = self._document(index.content, "index.json")
        entries = None if document is _NOTHING else self._index(document)
        if entries is None:
            self._all_read = False
            self._blobs_by_name()
            return
        self._objects(entries)
        if self.program is not None:
            self._root_copies(self.program)
        self._places()
        if not self._all_read:
            self._blobs_by_name()
        if not self.findings:
            self.digests = {
                "program": entries[0]["digest"],
                "index": "sha256:" + _hash(index.content),
                "archive": "sha256:" + self._archive_hash(),
            }

    def _blobs_by_name(self) -> None:
        """Where not everything could be followed, hold the other blobs to the digests that are their names."""
        for path in self._members:
            match = _BLOB.match(path)
            if match and path not in self._damaged:
                content = self._members[path].content
                self._blob(Descriptor("", "sha256:" + match[1], content.size), path)

    def _archive_hash(self) -> str:
        if self._raw is not None:
            return _hash(self._raw)
        total = hashlib.sha256()
        files = [(path, self._members[path].content) for path in self._expected]
        for chunk in canonical_tar.write((path, c.size, False, c.chunks) for path, c in files):
            total.update(chunk)
        return total.hexdigest()

    def _index(self, document: object) -> list[dict] | None:
        """The index's entries (SAME-BND-020, SAME-BND-021), or None where they cannot be made out."""
        place = "index.json"
        members = {"schemaVersion", "mediaType", "manifests"}
        if not isinstance(document, dict) or not isinstance(document.get("manifests"), list):
            self.find("SAME1302", "SAME-BND-020", "is no OCI image index", place)
            return None
        if (
            set(document) != members
            or not _same(document["schemaVersion"], 2)
            or document["mediaType"] != objects.INDEX
        ):
            self.find("SAME1302", "SAME-BND-020", "has other members than an index has", place)
        if not document["manifests"]:
            self.find("SAME1302", "SAME-BND-020", "lists no program", place)
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
                        self.find("SAME1302", "SAME-BND-020", "only the first entry has annotations", place)
                self.find("SAME1302", "SAME-BND-021", f"entry {number}: {why}", place)
                self._all_read = False
                self._index_whole = False
                if not isinstance(entry, dict) or objects.descriptor_problem(
                    {key: entry.get(key) for key in ("mediaType", "digest", "size")}
                ):
                    if number == 0:
                        return None
                    continue
            if entry["mediaType"] != objects.MANIFEST:
                self.find("SAME1302", "SAME-BND-021", f"entry {number} is of media type {entry['mediaType']}", place)
            if entry["digest"] in seen:
                self.find("SAME1302", "SAME-BND-021", f"{entry['digest']} is listed twice", place)
                continue
            seen.add(entry["digest"])
            entries.append(entry)
        return entries

    # Objects

    def _objects(self, entries: list[dict]) -> None:
        listed = {entry["digest"]: entry for entry in entries}
        programs: list[Program] = []
        ancestors_known = True
        rank = 0
        last: tuple[int, str] | None = None
        run_ids: dict[str, str] = {}
        subjects_of_runs: set[str] = set()
        data_subjects: set[str] = set()
        types = {}
        read: list[tuple[dict, dict]] = []
        for number, entry in enumerate(entries):
            document = self._manifest(entry)
            if document is None:
                self._all_read = False
                # Any unreadable entry may be a program that lies between others.
                ancestors_known = False
                continue
            kind = document["artifactType"]
            types[entry["digest"]] = kind
            if entry.get("artifactType") != kind:
                self.find("SAME1302", "SAME-BND-021", f"{entry['digest']} is of another artifactType", "index.json")
            if number == 0 and kind != objects.PROGRAM:
                self.find("SAME1302", "SAME-BND-020", "the first entry is no program", "index.json")
                return
            place = objects.KINDS.index(kind)
            if kind != objects.PROGRAM:
                key = (place, entry["digest"])
                if last is not None and key < last:
                    self.find("SAME1302", "SAME-BND-020", "the entries are not in their order", "index.json")
                last = key if last is None else max(key, last)
            elif place < rank:
                self.find("SAME1302", "SAME-BND-020", "a program comes after other entries", "index.json")
            rank = max(rank, place)
            read.append((entry, document))
        for entry, document in read:
            if document["artifactType"] == objects.PROGRAM:
                program = self._program(entry, document)
                programs.append(program)
                if entry is entries[0]:
                    self.program = program
                    self._first_annotations(entry, program)
        if ancestors_known:
            self._ancestors(programs)
        by_digest = {program.entry["digest"]: program for program in programs}
        for entry, document in read:
            kind = document["artifactType"]
            if kind == objects.PROGRAM:
                continue
            subject = self._subject(entry, document, listed, types)
            if kind == objects.RUN:
                record = self._run(entry, document, by_digest.get(subject or ""))
                if record is not None:
                    if record["id"] in run_ids:
                        self.find("SAME1302", "SAME-BND-038", f"two runs have the id {record['id']}", entry["digest"])
                    run_ids[record["id"]] = entry["digest"]
                if subject is not None:
                    subjects_of_runs.add(subject)
            elif kind == objects.ORIGIN:
                self._origin(entry, document)
            elif kind == objects.DATA:
                if subject is not None and subject in data_subjects:
                    self.find("SAME1302", "SAME-BND-046", "a program has two objects data", entry["digest"])
                data_subjects.add(subject or "")
                self._data(entry, document, by_digest.get(subject or ""))
            else:
                self._opaque(entry, document)
        if len(programs) > 1 and self._all_read and ancestors_known:
            if programs[-1].entry["digest"] not in subjects_of_runs:
                self.find("SAME1302", "SAME-BND-020", "the farthest ancestor has no run in the bundle", "index.json")

    def _manifest(self, entry: dict) -> dict | None:
        """The manifest that an entry of the index names, checked by SAME-BND-013 and SAME-BND-040."""
        digest = entry["digest"]
        content = self._blob(Descriptor(entry["mediaType"], digest, entry["size"]), "index.json")
        if content is None:
            return None
        if content.size > objects.MANIFEST_LIMIT:
            code = "SAME1304" if content.size > self.limits.json else "SAME1302"
            self.find(code, "SAME-BND-013", "a manifest is longer than 4 MiB", digest)
        document = self._document(content, digest)
        if document is _NOTHING:
            return None
        if not isinstance(document, dict):
            self.find("SAME1302", "SAME-BND-040", "a manifest is no object", digest)
            return None
        kind = document.get("artifactType")
        if not isinstance(kind, str):
            self.find("SAME1302", "SAME-BND-040", "a manifest has no artifactType", digest)
            return None
        if kind not in objects.KINDS:
            if kind in objects.NAMED:
                self.find("SAME1302", "SAME-BND-013", f"{kind} is no artifactType", digest)
            else:
                self.find("SAME1307", "SAME-BND-013", f"the artifactType {kind} is not known", digest)
            return None
        members = {"schemaVersion", "mediaType", "artifactType", "config", "layers"}
        if kind != objects.PROGRAM:
            members.add("subject")
        if kind not in objects.WITHOUT_ANNOTATIONS:
            members.add("annotations")
        if set(document) != members:
            self.find("SAME1302", "SAME-BND-040", f"the manifest has the members {sorted(document)}", digest)
        if not _same(document.get("schemaVersion"), 2) or document.get("mediaType") != objects.MANIFEST:
            self.find("SAME1302", "SAME-BND-040", "schemaVersion or mediaType is not that of a manifest", digest)
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
            self.find("SAME1302", "SAME-BND-040", why, digest)
            return None
        wanted_config = objects.PROGRAM_CONFIG if kind == objects.PROGRAM else objects.EMPTY
        wanted_layers = set(objects.PROGRAM_LAYERS) if kind == objects.PROGRAM else {objects.RECORDS[kind]}
        known = self._media_type(document["config"]["mediaType"], {wanted_config}, digest)
        for layer in layers:
            known = self._media_type(layer["mediaType"], wanted_layers, digest) and known
        if kind != objects.PROGRAM:
            config = document["config"]
            if config["mediaType"] == objects.EMPTY and (
                config["size"] != len(objects.EMPTY_BYTES) or config["digest"] != tree.digest(objects.EMPTY_BYTES)
            ):
                self.find("SAME1302", "SAME-BND-012", "an empty config is not {}", digest)
            if (len(layers) != 1 and kind != objects.DATA) or not layers:
                self.find("SAME1302", "SAME-BND-040", f"there are {len(layers)} layers", digest)
                known = False
        self._expect("sha256:" + digest.removeprefix("sha256:"))
        self._expect(document["config"]["digest"])
        for layer in layers:
            self._expect(layer["digest"])
        return document if known else None

    def _media_type(self, found: str, wanted: set[str], place: str) -> bool:
        if found in wanted:
            return True
        if found in objects.NAMED:
            self.find("SAME1302", "SAME-BND-013", f"{found} stands where it may not", place)
            self.find("SAME1302", "SAME-BND-040", f"{found} stands where it may not", place)
        else:
            self.find("SAME1307", "SAME-BND-013", f"the media type {found} is not known", place)
        return False

    def _subject(self, entry: dict, document: dict, listed: dict, types: dict) -> str | None:
        """The digest of what an object belongs to, when that is in the bundle and of the right kind."""
        place = entry["digest"]
        clause = "SAME-BND-038" if document["artifactType"] == objects.RUN else "SAME-BND-040"
        subject = document["subject"]
        why = objects.descriptor_problem(subject, ("artifactType",))
        if why is not None:
            self.find("SAME1302", "SAME-BND-040", f"subject: {why}", place)
            return None
        target = listed.get(subject["digest"])
        if target is None and not self._index_whole:
            return None
        if target is None:
            self.find("SAME1302", "SAME-BND-038", "the subject is not in the bundle", place)
            return None
        allowed = {objects.PROGRAM}
        if document["artifactType"] == objects.SIGNATURE:
            allowed |= {objects.RUN, objects.VERIFICATION}
        kind = types.get(subject["digest"])
        if kind is not None and kind not in allowed:
            self.find("SAME1302", clause, "the subject is of another kind", place)
            return None
        if any(subject[key] != target.get(key) for key in ("mediaType", "artifactType", "size")):
            self.find("SAME1302", "SAME-BND-040", "the subject says something else than the index", place)
        return subject["digest"]

    # Programs

    def _program(self, entry: dict, document: dict) -> Program:
        program = Program(entry)
        place = entry["digest"]
        layers = {}
        sequence = [layer["mediaType"] for layer in document["layers"]]
        table = list(objects.PROGRAM_LAYERS)
        if sequence != sorted(set(sequence), key=table.index) or not (
            {objects.LAYER_MANIFEST, objects.LAYER_CODE} <= set(sequence)
        ):
            self.find("SAME1302", "SAME-BND-014", "the layers are not those of a program, in their order", place)
            self._all_read = False
            return program
        for layer in document["layers"]:
            layers[layer["mediaType"]] = self._blob(_descriptor(layer), place)
        config = self._blob(_descriptor(document["config"]), place)
        source = layers[objects.LAYER_MANIFEST]
        if source is not None:
            program.source = source
            program.manifest = self._same_yaml(source, place)
        if objects.LAYER_LOCK in layers and layers[objects.LAYER_LOCK] is not None:
            self._same_lock(program, layers[objects.LAYER_LOCK], place)
        code = layers[objects.LAYER_CODE]
        if code is not None:
            code_whole = self._code(program, code, place)
            infrastructure = layers.get(objects.LAYER_INFRASTRUCTURE)
            if program.manifest is not None and code_whole:
                self._infrastructure(program, infrastructure, objects.LAYER_INFRASTRUCTURE in layers, place)
            elif infrastructure is not None:
                self._tar(infrastructure, f"{place}: infrastructure layer")
            program.whole = code_whole and program.manifest is not None
        if config is not None:
            self._config(program, config, document, place)
        if program.manifest is not None:
            if document["annotations"] != objects.program_annotations(program.manifest):
                self.find("SAME1302", "SAME-BND-016", "the annotations are not those of the metadata", place)
                self.find("SAME1302", "SAME-BND-040", "the annotations are not those of the metadata", place)
        return program

    def _same_yaml(self, source: Slice, place: str) -> dict | None:
        if source.size > self.limits.yaml:
            self.find("SAME1304", "SAME-BND-034", f"same.yaml is longer than {self.limits.yaml} bytes", place)
            return None
        read = manifest.read(source.bytes())
        later = read.value.get("apiVersion") if isinstance(read.value, dict) else None
        if isinstance(later, str) and _LATER.match(later):
            self.find("SAME1307", "SAME-BND-036", f"same.yaml needs {later}", place)
            return None
        for finding in read.findings:
            self.find(finding.code, finding.clause or "", finding.message, f"same.yaml:{finding.place}")
        return None if read.findings else read.value  # type: ignore[return-value]

    def _same_lock(self, program: Program, content: Slice, place: str) -> None:
        if content.size <= self.limits.json:
            program.lock_bytes = content.bytes()
        document = self._document(content, f"{place}: same.lock")
        if document is _NOTHING:
            return
        if isinstance(document, dict) and self._later(document, "same.lock"):
            return
        problems = lock.problems(document)
        for finding in problems:
            self.report(finding)
        if not problems:
            program.lock = document  # type: ignore[assignment]

    def _tar(self, content: Slice, label: str) -> Scanner:
        return Scanner(content.stream, content.offset, content.size, self.limits, self.report, label).scan()

    def _code(self, program: Program, content: Slice, place: str) -> bool:
        before = len(self.findings)
        scanner = self._tar(content, f"{place}: code layer")
        for entry in scanner.entries:
            if entry.path in ("same.yaml", "same.lock"):
                self.find("SAME1302", "SAME-BND-014", f"{entry.path} is in the code layer", place)
            part = Slice(content.stream, entry.offset, entry.size)
            program.files[entry.path] = File(entry.path, entry.executable, entry.size, _hash(part), part)
        return len(self.findings) == before

    def _infrastructure(self, program: Program, content: Slice | None, listed: bool, place: str) -> None:
        """The infrastructure layer holds the code layer's files below the declared targets (SAME-BND-015)."""
        targets = objects.target_paths(program.manifest or {})
        wanted = {
            path: (file.executable, file.size, file.sha256)
            for path, file in program.files.items()
            if any(objects.below(path, target) for target in targets)
        }
        if not listed:
            if wanted:
                self.find("SAME1302", "SAME-BND-015", "there is no infrastructure layer", place)
            return
        if content is None:
            return
        before = len(self.findings)
        scanner = self._tar(content, f"{place}: infrastructure layer")
        if len(self.findings) > before:
            return
        found = {
            entry.path: (entry.executable, entry.size, _hash(Slice(content.stream, entry.offset, entry.size)))
            for entry in scanner.entries
        }
        if found != wanted or not wanted:
            self.find("SAME1302", "SAME-BND-015", "the infrastructure layer holds other files than it must", place)

    def _config(self, program: Program, content: Slice, document: dict, place: str) -> None:
        config = self._document(content, f"{place}: config")
        if config is _NOTHING:
            return
        listed = []
        for layer in document["layers"]:
            kind, path = objects.PROGRAM_LAYERS[layer["mediaType"]]
            listed.append({"path": path, "digest": layer["digest"], "kind": kind})
        if not isinstance(config, dict) or set(config) != {"manifest", "layers"} or config["layers"] != listed:
            self.find("SAME1302", "SAME-BND-014", "the config is not that of the layers", place)
        if isinstance(config, dict) and isinstance(config.get("manifest"), dict):
            if self._later(config["manifest"], f"{place}: config"):
                return
        if program.manifest is not None and isinstance(config, dict):
            if canonical_json.bytes_of(config.get("manifest")) != canonical_json.bytes_of(program.manifest):
                self.find("SAME1302", "SAME-BND-015", "the config's manifest is not what same.yaml says", place)

    def _first_annotations(self, entry: dict, program: Program) -> None:
        annotations = entry.get("annotations")
        if not isinstance(annotations, dict) or program.manifest is None:
            if "annotations" in entry and not isinstance(annotations, dict):
                self.find("SAME1302", "SAME-BND-020", "annotations is no object", "index.json")
            return
        rest = dict(annotations)
        if rest.pop(objects.REF_NAME, None) != references.tag(program.manifest["metadata"]["version"]):
            self.find("SAME1302", "SAME-BND-020", "the first entry does not hold the version's tag", "index.json")
        created = rest.pop(objects.CREATED, None)
        if objects.CREATED in annotations and not _is_instant(created):
            self.find("SAME1302", "SAME-BND-045", "created is no time as it must be written", "index.json")
        if rest:
            self.find("SAME1302", "SAME-BND-020", f"the first entry has the annotations {sorted(rest)}", "index.json")
            self.find("SAME1302", "SAME-BND-040", f"the first entry has the annotations {sorted(rest)}", "index.json")

    def _ancestors(self, programs: list[Program]) -> None:
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
                self.find("SAME1302", "SAME-BND-027", "a program is listed that is no ancestor", older.entry["digest"])

    # Records

    def _record(self, entry: dict, document: dict) -> object:
        content = self._blob(_descriptor(document["layers"][0]), entry["digest"])
        self._blob(_descriptor(document["config"]), entry["digest"])
        if content is None:
            return _NOTHING
        # A signature is as its signer wrote it (SAME-BND-035).
        return self._document(content, entry["digest"], any_form=document["artifactType"] == objects.SIGNATURE)

    def _run(self, entry: dict, document: dict, subject: Program | None) -> dict | None:
        place = entry["digest"]
        record = self._record(entry, document)
        if record is _NOTHING or (isinstance(record, dict) and self._later(record, place)):
            return None
        problems = run_record.problems(record)
        if problems:
            self.find("SAME1302", "SAME-BND-038", f"the record is not valid: {problems[0]}", place)
            return None
        assert isinstance(record, dict)
        if record["status"] not in run_record.FINAL:
            self.find("SAME1302", "SAME-BND-038", "the run is not final", place)
            self.find("SAME1302", "SAME-BND-027", "the run is not final", place)
        said = record["program"]
        if subject is not None:
            own = subject.manifest["metadata"] if subject.manifest else None
            if said["digest"] != subject.entry["digest"] or (
                own is not None and (said["name"], said["version"]) != (own["name"], own["version"])
            ):
                self.find("SAME1302", "SAME-BND-038", "the record names another program than its subject", place)
        if document["annotations"] != objects.run_annotations(record):
            self.find("SAME1302", "SAME-BND-017", "the annotations are not those of the record", place)
            self.find("SAME1302", "SAME-BND-040", "the annotations are not those of the record", place)
        return record

    def _origin(self, entry: dict, document: dict) -> None:
        place = entry["digest"]
        record = self._record(entry, document)
        if record is _NOTHING:
            return
        if isinstance(record, dict) and self._later(record, place):
            return
        if (
            not isinstance(record, dict)
            or set(record) != {"apiVersion", "kind", "origin"}
            or record["apiVersion"] != "same/v1"
            or record["kind"] != "Origin"
        ):
            self.find("SAME1302", "SAME-BND-053", "the record of an origin is not as it must be", place)
            return
        why = objects.origin_problem(record["origin"])
        if why is not None:
            self.find("SAME1302", "SAME-BND-053", why, place)
            return
        if document["annotations"] != objects.origin_annotations(record["origin"]):
            self.find("SAME1302", "SAME-BND-041", "the annotations are not those of the origin", place)
            self.find("SAME1302", "SAME-BND-040", "the annotations are not those of the origin", place)

    def _data(self, entry: dict, document: dict, subject: Program | None) -> None:
        place = entry["digest"]
        self._blob(_descriptor(document["config"]), place)
        names = []
        for layer in document["layers"]:
            self._blob(_descriptor(layer), place)
            annotations = layer["annotations"]
            if not isinstance(annotations, dict) or set(annotations) != {objects.DATA_NAME}:
                self.find("SAME1302", "SAME-BND-046", "a layer has other annotations than its name", place)
                continue
            name = annotations[objects.DATA_NAME]
            if not isinstance(name, str):
                self.find("SAME1302", "SAME-BND-046", "the name of a layer is no text", place)
                continue
            names.append(name)
            if subject is None or subject.manifest is None:
                continue
            pointer = subject.manifest.get("data", {}).get(name)
            if pointer is None or pointer.get("carry") == "never":
                self.find("SAME1302", "SAME-BND-046", f"{name} is not declared or never carried", place)
                continue
            stated = pointer.get("digest")
            if stated is None and subject.lock is not None:
                stated = subject.lock.get("data", {}).get(name, {}).get("digest")
            if stated != layer["digest"]:
                self.find("SAME1302", "SAME-BND-046", f"the content of {name} has another digest", place)
        keys = [canonical_json.code_units(name) for name in names]
        if any(a >= b for a, b in zip(keys, keys[1:])):
            self.find("SAME1302", "SAME-BND-046", "the layers are not sorted by their names", place)

    def _opaque(self, entry: dict, document: dict) -> None:
        """Verifications and signatures: one JSON document of which nothing more is known here."""
        self._record(entry, document)

    def _later(self, document: dict, place: str) -> bool:
        version = document.get("apiVersion")
        if isinstance(version, str) and _LATER.match(version):
            self.find("SAME1307", "SAME-BND-036", f"a document needs {version}", place)
            return True
        return False

    # Blobs, copies, places

    def _expect(self, digest: str) -> None:
        path = "blobs/sha256/" + digest.removeprefix("sha256:")
        if path not in self._expected:
            self._expected.append(path)

    def _blob(self, descriptor: Descriptor, owner: str) -> Slice | None:
        """The bytes that a descriptor names, when they are there and are what it says (SAME-BND-031, SAME-BND-032)."""
        path = "blobs/sha256/" + descriptor.digest.removeprefix("sha256:")
        member = self._members.get(path)
        if member is None:
            self._all_read = False
            if path not in self._refused and not self._cut:
                self.find("SAME1302", "SAME-BND-032", f"{descriptor.digest} is not there", owner)
            return None
        if member.content.size != descriptor.size:
            self.find("SAME1301", "SAME-BND-031", f"{descriptor.digest} is {member.content.size} bytes long", owner)
            return None
        if path not in self._damaged:
            self._damaged[path] = "sha256:" + _hash(member.content) != descriptor.digest
            if self._damaged[path]:
                self.find("SAME1301", "SAME-BND-031", "the content has another digest", path)
        return None if self._damaged[path] else member.content

    def _document(self, content: Slice, place: str, any_form: bool = False) -> object:
        """A JSON document, unless `any_form` in canonical form (SAME-BND-034, SAME-BND-035), or _NOTHING."""
        if content.size > self.limits.json:
            self.find("SAME1304", "SAME-BND-034", f"a document is longer than {self.limits.json} bytes", place)
            return _NOTHING
        data = content.bytes()
        try:
            value = canonical_json.read(data)
        except canonical_json.NotJson as error:
            self.find("SAME1302", "SAME-BND-035", f"a document is not canonical: {error}", place)
            return _NOTHING
        if not any_form and canonical_json.depth(value) > _DEPTH:
            self.find("SAME1302", "SAME-BND-035", f"a document is more than {_DEPTH} levels deep", place)
            return _NOTHING
        if not any_form and canonical_json.bytes_of(value) != data:
            self.find("SAME1302", "SAME-BND-035", "a document is not in canonical form", place)
            return _NOTHING
        return value

    def _root_copies(self, program: Program) -> None:
        """SAME-BND-022: which copies there are, and that each is one."""
        wanted: dict[str, str | None] = {"REPRODUCING.md": _constant_hash()}
        if program.source is not None:
            wanted["same.yaml"] = _hash(program.source)
        if program.lock_bytes is not None:
            wanted["same.lock"] = tree.sha256(program.lock_bytes)
        if program.whole:
            for name in objects.COPIES:
                file = program.files.get(name)
                if file is not None and file.size <= objects.COPY_LIMIT:
                    wanted[name] = file.sha256
        for name, digest in wanted.items():
            member = self._members.get(name)
            if member is None:
                if name not in self._refused and not self._cut:
                    self.find("SAME1302", "SAME-BND-022", "a root copy is missing", name)
            elif _hash(member.content) != digest:
                self.find("SAME1302", "SAME-BND-022", "a root copy differs from what it is a copy of", name)
            if member is not None and member.executable:
                self.find("SAME1302", "SAME-BND-022", "a root copy is executable", name)
        possible = set() if program.whole and self._all_read else {"same.yaml", "same.lock", *objects.COPIES}
        for path in self._members:
            if path in wanted or path in ("oci-layout", "index.json") or path.startswith("blobs/"):
                continue
            if path not in possible:
                self.find("SAME1302", "SAME-BND-022", "a file beside the blobs is no copy of anything", path)
        copies = sorted(name for name in wanted if name in self._members)
        copies += sorted(name for name in possible if name in self._members and name not in wanted)
        self._expected[:0] = ["oci-layout", "index.json", *sorted(copies)]

    def _places(self) -> None:
        """SAME-BND-019: no entry is executable, none belongs to nothing, and all are in their order."""
        for path, member in self._members.items():
            if member.executable and (path.startswith("blobs/") or path in ("oci-layout", "index.json")):
                self.find("SAME1302", "SAME-BND-019", "is executable", path)
            if path.startswith("blobs/") and not _BLOB.match(path):
                self.find("SAME1302", "SAME-BND-019", "belongs to nothing in the index", path)
        if not self._all_read or self.program is None:
            return
        known = set(self._expected)
        for path in self._members:
            if _BLOB.match(path) and path not in known:
                self.find("SAME1302", "SAME-BND-019", "belongs to nothing in the index", path)
        if self._order is not None:
            wanted = [path for path in self._expected if path in self._members]
            if [path for path in self._order if path in known] != wanted:
                self.find("SAME1302", "SAME-BND-019", "the entries are not in their order")


_NOTHING = object()
_INDEX_MEMBERS = ("mediaType", "artifactType", "digest", "size")


class _LazyFile:
    """A file that is open only while it is read, behind the two methods that Slice and Scanner use."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._at = 0

    def seek(self, offset: int) -> None:
        """Say where the next read begins."""
        self._at = offset

    def read(self, count: int) -> bytes:
        """Read from there."""
        with open(self._path, "rb") as file:
            file.seek(self._at)
            return file.read(count)


def _descriptor(value: dict) -> Descriptor:
    return Descriptor(value["mediaType"], value["digest"], value["size"])


def _same(value: object, number: int) -> bool:
    return value == number and not isinstance(value, bool)


def _hash(content: Slice) -> str:
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _constant_hash() -> str:
    return tree.sha256(bundle_writer.REPRODUCING.read_bytes())


def _is_instant(text: object) -> bool:
    if not isinstance(text, str) or not _CREATED.match(text):
        return False
    import datetime

    try:
        moment = datetime.datetime.fromisoformat(text[:-1])
    except ValueError:
        return False
    return moment.year >= 1970


def _walk(directory: Path) -> Iterator[tuple[str, str]]:
    """Everything below a directory that is not itself a directory, as (path, place on disk)."""
    pending = [("", str(directory))]
    while pending:
        prefix, place = pending.pop()
        with os.scandir(place) as found:
            for item in sorted(found, key=lambda entry: entry.name):
                path = f"{prefix}{item.name}"
                if item.is_dir(follow_symlinks=False):
                    pending.append((path + "/", item.path))
                else:
                    yield path, item.path


def read_bytes(data: bytes, limits: Limits) -> Bundle:
    """Read a bundle that is in memory."""
    file, size = envelope.from_bytes(data)
    return Bundle(limits).read_file(file, size)


def checked(bundle: Bundle) -> Program:
    """The program of a bundle in which nothing is wrong; raises Refused (SAME-BND-050)."""
    if bundle.findings:
        raise Refused(bundle.findings[0])
    if bundle.program is None:
        raise refuse("SAME1306", "SAME-BND-036", "the bundle holds no program")
    return bundle.program


def files_of(program: Program) -> list[tuple[str, bool, int, str, Callable[[], Iterator[bytes]]]]:
    """The plain tree of a program (SAME-BND-049) as (path, executable, size, sha256, content), sorted by bytes."""
    rows = [(f.path, f.executable, f.size, f.sha256, f.content.chunks) for f in program.files.values()]
    assert program.source is not None
    rows.append(("same.yaml", False, program.source.size, _hash(program.source), program.source.chunks))
    if program.lock_bytes is not None:
        data = program.lock_bytes
        rows.append(("same.lock", False, len(data), tree.sha256(data), lambda: iter((data,))))
    return sorted(rows, key=lambda row: row[0].encode("utf-8"))
