"""Reading a bundle: everything that the chapter asks of one, as findings with clauses (SAME-BND-030 to SAME-BND-053).

A reader looks at the whole bundle and changes nothing. It needs memory for headers and documents only; blobs are
hashed as they stream by.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import bundle_index
import bundle_places
import bundle_programs
import bundle_records
import envelope
import objects
import paths
import tree
from bundle_content import NOTHING, BundleContent
from bundle_parts import LazyFile, Member, Program, Slice, hash_of, walk
from canonical_tar import Scanner
from findings import Refused, refuse
from limits import Limits


class Bundle(BundleContent):
    """A bundle that is read from a file or directory."""

    def read_file(self, file: BinaryIO, size: int) -> "Bundle":
        """Read a bundle file of any form of compression."""
        try:
            stream, length = envelope.open_archive(file, size, self.limits, self.report)
        except Refused as refusal:
            self.findings.extend(refusal.findings)
            return self
        self.raw = Slice(stream, 0, length)
        scanner = Scanner(stream, 0, length, self.limits, self.report, "archive", in_order=False).scan()
        self.refused = scanner.refused
        self.order = [entry.path for entry in scanner.entries]
        for entry in scanner.entries:
            content = Slice(stream, entry.offset, entry.size)
            self.members[entry.path] = Member(entry.path, entry.executable, content)
        self.cut = not scanner.complete
        self._read_layout()
        return self

    def read_directory(self, directory: Path) -> "Bundle":
        """Read a directory as a bundle (SAME-BND-044)."""
        self.order = None
        siblings = paths.Siblings()
        if not (directory / "oci-layout").exists():
            self.find("SAME1306", "SAME-BND-036", "the directory holds no oci-layout")
            return self
        total = 0
        for path, full in walk(directory):
            status = os.lstat(full)
            why = None if stat.S_ISREG(status.st_mode) else "is neither file nor directory"
            why = why or paths.refusal(path) or siblings.add(path)
            if why is not None:
                clause = "SAME-BND-033" if stat.S_ISREG(status.st_mode) else "SAME-BND-044"
                self.find("SAME1303", clause, f"the path {why}", path)
                self.refused.add(path)
                continue
            if len(path.encode("utf-8")) > self.limits.path or path.count("/") + 1 > self.limits.depth:
                self.find("SAME1304", "SAME-BND-034", "the path is over the limit", path)
                self.refused.add(path)
                continue
            total += status.st_size
            if len(self.members) >= self.limits.entries or total > self.limits.unpacked:
                self.find("SAME1304", "SAME-BND-034", "the directory holds more than the limits allow")
                return self
            # Opened for each read, so that many files need no many handles.
            content = Slice(LazyFile(full), 0, status.st_size)  # type: ignore[arg-type]
            self.members[path] = Member(path, bool(status.st_mode & 0o100), content)
        self._read_layout()
        return self

    def _read_layout(self) -> None:
        index = self.members.get("index.json")
        layout = self.members.get("oci-layout")
        if layout is None and self.cut:
            pass
        elif layout is None or layout.content.size > 64 or layout.content.bytes() != objects.OCI_LAYOUT:
            if "oci-layout" not in self.refused:
                self.find("SAME1302", "SAME-BND-019", "oci-layout does not hold exactly the OCI layout's version")
        if index is None:
            if "index.json" not in self.refused and not self.cut:
                self.find("SAME1302", "SAME-BND-019", "index.json is not there", "index.json")
            return
        if self.cut:
            # What was read is judged; what was not is not missed.
            self.all_read = False
        document = self.document(index.content, "index.json")
        entries = None if document is NOTHING else bundle_index.entries_of(self, document)
        if entries is None:
            self.all_read = False
            self.blobs_by_name()
            return
        self._objects(entries)
        if self.program is not None:
            bundle_places.check_copies(self, self.program)
        bundle_places.check_order(self)
        if not self.all_read:
            self.blobs_by_name()
        if not self.findings:
            self.digests = {
                "program": entries[0]["digest"],
                "index": "sha256:" + hash_of(index.content),
                "archive": "sha256:" + self.archive_hash(),
            }

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
            document = bundle_index.manifest_of(self, entry)
            if document is None:
                self.all_read = False
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
                program = bundle_programs.program_of(self, entry, document)
                programs.append(program)
                if entry is entries[0]:
                    self.program = program
                    bundle_programs.check_annotations(self, entry, program)
        if ancestors_known:
            bundle_programs.check_ancestors(self, programs)
        by_digest = {program.entry["digest"]: program for program in programs}
        for entry, document in read:
            kind = document["artifactType"]
            if kind == objects.PROGRAM:
                continue
            subject = bundle_index.subject_of(self, entry, document, listed, types)
            if kind == objects.RUN:
                record = bundle_records.run_of(self, entry, document, by_digest.get(subject or ""))
                if record is not None:
                    if record["id"] in run_ids:
                        self.find("SAME1302", "SAME-BND-038", f"two runs have the id {record['id']}", entry["digest"])
                    run_ids[record["id"]] = entry["digest"]
                if subject is not None:
                    subjects_of_runs.add(subject)
            elif kind == objects.ORIGIN:
                bundle_records.check_origin(self, entry, document)
            elif kind == objects.DATA:
                if subject is not None and subject in data_subjects:
                    self.find("SAME1302", "SAME-BND-046", "a program has two objects data", entry["digest"])
                data_subjects.add(subject or "")
                bundle_records.check_data(self, entry, document, by_digest.get(subject or ""))
            else:
                bundle_records.record_of(self, entry, document)
        if len(programs) > 1 and self.all_read and ancestors_known:
            if programs[-1].entry["digest"] not in subjects_of_runs:
                self.find("SAME1302", "SAME-BND-020", "the farthest ancestor has no run in the bundle", "index.json")


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
    rows.append(("same.yaml", False, program.source.size, hash_of(program.source), program.source.chunks))
    if program.lock_bytes is not None:
        data = program.lock_bytes
        rows.append(("same.lock", False, len(data), tree.sha256(data), lambda: iter((data,))))
    return sorted(rows, key=lambda row: row[0].encode("utf-8"))
