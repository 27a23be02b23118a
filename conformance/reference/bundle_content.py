"""What of a bundle is known while it is read: its files, its blobs, and the findings so far."""

from __future__ import annotations

import hashlib
import re

import canonical_json
import canonical_tar
from bundle_parts import Member, Program, Slice, hash_of
from findings import Finding
from limits import Limits
from objects import Descriptor

_DEPTH = 512
"""Lists and objects of a document lie in one another at most so deep (SAME-BND-035)."""
BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})\Z")
LATER = re.compile(r"same/v([2-9]|[1-9][0-9]+)\Z")
NOTHING = object()
"""Stands for a document that cannot be read."""


class BundleContent:
    """A bundle as far as it has been read; `findings` is empty if and only if nothing is wrong with that."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.findings: list[Finding] = []
        self.digests: dict[str, str] = {}
        self.program: Program | None = None
        self.members: dict[str, Member] = {}
        self.order: list[str] | None = []
        self.refused: set[str] = set()
        self.expected: list[str] = []
        self.all_read = True
        self.index_whole = True
        self.cut = False
        self.damaged: dict[str, bool] = {}
        self.raw: Slice | None = None

    def report(self, finding: Finding) -> None:
        """Keep a finding."""
        if finding not in self.findings:
            self.findings.append(finding)

    def find(self, code: str, clause: str, message: str, place: str | None = None) -> None:
        """Keep a finding that is made here."""
        self.report(Finding(code, clause, message, place))

    def later(self, document: dict, place: str) -> bool:
        """Whether a document needs a later version, which is a finding then (SAME-BND-036)."""
        version = document.get("apiVersion")
        if isinstance(version, str) and LATER.match(version):
            self.find("SAME1307", "SAME-BND-036", f"a document needs {version}", place)
            return True
        return False

    def expect(self, digest: str) -> None:
        """Keep that something names a blob: in this order they lie in the archive."""
        path = "blobs/sha256/" + digest.removeprefix("sha256:")
        if path not in self.expected:
            self.expected.append(path)

    def blob(self, descriptor: Descriptor, owner: str) -> Slice | None:
        """The bytes that a descriptor names, when they are there and are what it says (SAME-BND-031, SAME-BND-032)."""
        path = "blobs/sha256/" + descriptor.digest.removeprefix("sha256:")
        member = self.members.get(path)
        if member is None:
            self.all_read = False
            if path not in self.refused and not self.cut:
                self.find("SAME1302", "SAME-BND-032", f"{descriptor.digest} is not there", owner)
            return None
        if member.content.size != descriptor.size:
            self.find("SAME1301", "SAME-BND-031", f"{descriptor.digest} is {member.content.size} bytes long", owner)
            return None
        if path not in self.damaged:
            self.damaged[path] = "sha256:" + hash_of(member.content) != descriptor.digest
            if self.damaged[path]:
                self.find("SAME1301", "SAME-BND-031", "the content has another digest", path)
        return None if self.damaged[path] else member.content

    def document(self, content: Slice, place: str, any_form: bool = False) -> object:
        """A JSON document, unless `any_form` in canonical form (SAME-BND-034, SAME-BND-035), or NOTHING."""
        if content.size > self.limits.json:
            self.find("SAME1304", "SAME-BND-034", f"a document is longer than {self.limits.json} bytes", place)
            return NOTHING
        data = content.bytes()
        try:
            value = canonical_json.read(data)
        except canonical_json.NotJson as error:
            self.find("SAME1302", "SAME-BND-035", f"a document is not canonical: {error}", place)
            return NOTHING
        if not any_form and canonical_json.depth(value) > _DEPTH:
            self.find("SAME1302", "SAME-BND-035", f"a document is more than {_DEPTH} levels deep", place)
            return NOTHING
        if not any_form and canonical_json.bytes_of(value) != data:
            self.find("SAME1302", "SAME-BND-035", "a document is not in canonical form", place)
            return NOTHING
        return value

    def blobs_by_name(self) -> None:
        """Where not everything could be followed, hold the other blobs to the digests that are their names."""
        for path in self.members:
            match = BLOB.match(path)
            if match and path not in self.damaged:
                content = self.members[path].content
                self.blob(Descriptor("", "sha256:" + match[1], content.size), path)

    def archive_hash(self) -> str:
        """The hash of the raw archive, which a directory is written as for that."""
        if self.raw is not None:
            return hash_of(self.raw)
        total = hashlib.sha256()
        files = [(path, self.members[path].content) for path in self.expected]
        for chunk in canonical_tar.write((path, c.size, False, c.chunks) for path, c in files):
            total.update(chunk)
        return total.hexdigest()


def descriptor_of(value: dict) -> Descriptor:
    """A descriptor in a document, whose shape is right."""
    return Descriptor(value["mediaType"], value["digest"], value["size"])
