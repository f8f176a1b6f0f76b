"""Ed25519 keys and signatures, with the ``cryptography`` package (extra ``seal``). Keys are files that people name."""

from __future__ import annotations

import base64
import binascii
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drorch.core.errors import InputInvalid, NotFound

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_MAKE_KEY = "make one: openssl genpkey -algorithm ed25519 -out KEY.pem && chmod 600 KEY.pem"
_MAKE_PUBLIC = "take the public half: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"
_INSTALL = "install it: pip install 'drorch[seal]'"
_LARGEST_KEY = 16_384


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Somebody who can sign. ``public_key`` in base64."""

    public_key: str
    _key: Ed25519PrivateKey

    def sign(self, text: str) -> str:
        """The signature of ``text`` in base64."""
        return base64.b64encode(self._key.sign(text.encode())).decode()


def load_signer(path: Path) -> Signer:
    """The signer of a private key file (PEM, not encrypted). InputInvalid when others than its owner may read it."""
    text = _read(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputInvalid(
            "the private key can be read by others than its owner",
            where=str(path),
            next_step=f"chmod 600 {path}; a key that others may have read is better replaced",
        )
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise InputInvalid("signing needs the package cryptography", next_step=_INSTALL) from error
    try:
        key = load_pem_private_key(text, password=None)
    except TypeError as error:
        raise InputInvalid("the private key is encrypted", where=str(path), next_step=_MAKE_KEY) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputInvalid("not a private key in PEM form", where=str(path), next_step=_MAKE_KEY) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputInvalid("the private key is not an Ed25519 key", where=str(path), next_step=_MAKE_KEY)
    return Signer(public_key=_encoded(key.public_key()), _key=key)


def load_public_key(path: Path) -> str:
    """The public key of a PEM file, in base64. InputInvalid when there is none in it."""
    text = _read(path)
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise InputInvalid("checking a signature needs the package cryptography", next_step=_INSTALL) from error
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputInvalid("not a public key in PEM form", where=str(path), next_step=_MAKE_PUBLIC) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputInvalid("the public key is not an Ed25519 key", where=str(path), next_step=_MAKE_PUBLIC)
    return _encoded(key)


def signature_holds(text: str, *, public_key: str, signature: str) -> bool | None:
    """Whether ``signature`` over ``text`` is one by ``public_key`` (both base64). None: cryptography is missing."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return None
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return True


def _encoded(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST_KEY)
    except OSError as error:
        raise NotFound(
            f"the key cannot be read: {error.strerror}", where=str(path), next_step="name a key file that you may read"
        ) from error
