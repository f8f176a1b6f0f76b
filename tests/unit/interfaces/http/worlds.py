"""What stands in a state folder before anybody asks: a denial-of-access test, its key, sources of remote access."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drorch.evidence.signatures import Signer, load_signer
from drorch.testing.web import WebScene

TEST = """\
schema: 1
id: day-2013
title: Yearly observed day
method: observed
people_file: people.csv
departments: [{id: dm}, {id: dgacm}]
applications: {umoja: Umoja}
"""
SOURCES = """\
schema: 1
sources:
  - {id: licences, kind: licence-file, file: licences.json, products: {MPS_ENT_CCU: concurrent-users}}
"""


def signer(folder: Path) -> Signer:
    """A signer whose key lies in ``folder``."""
    file = folder / "key.pem"
    if not file.exists():
        key = Ed25519PrivateKey.generate()
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.chmod(0o600)
    return load_signer(file)


def prepared(scene: WebScene, folder: Path, by: str = "Ada Admin") -> str:
    """An observed day that is prepared."""
    file = folder / "day.yaml"
    file.write_text(TEST, encoding="utf-8")
    return scene.context.access_tests.prepare(file, scene.capacity, by, signer(folder)).test.id


def held(scene: WebScene, test: str, by: str = "Ada Admin") -> None:
    """Begun by somebody, and over: its process is gone."""
    scene.context.access_tests.write(test, "started", {"host": "here"}, by)
    scene.context.access_tests.end_interrupted(test)
