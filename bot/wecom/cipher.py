"""Signature and encryption of callbacks, both directions: bytes in, text out, no I/O."""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import struct
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32  # WeCom pads to 32 bytes, twice what AES needs
HEAD = 20  # 16 random bytes and the length of the message


class Refused(Exception):
    """The sender's fault: what to answer with, and one word for the counter."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Channel:
    """One callback source with its own keys; the cipher is prepared once, not for each message."""

    name: str
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    receive_id: str
    style: str = "xml"  # or "json"
    key: bytes = field(init=False, repr=False, compare=False)
    cipher: Cipher[CBC] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError(f"{self.name}: token is empty")
        key = _key(self.name, self.aes_key)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "cipher", Cipher(AES(key), CBC(key[:16])))


def fresh_keys() -> tuple[str, str]:
    """A Token and an EncodingAESKey as the admin page makes them: letters and digits only."""
    token, key = (
        "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(n))
        for n in (32, 42)
    )
    return token, key + "A"  # the last of the 43 carries two bits that stand for nothing


def _key(name: str, aes_key: str) -> bytes:
    """Decode leniently: the last of the 43 characters may carry unused bits."""
    try:
        key = base64.b64decode(aes_key + "=")
    except ValueError:
        key = b""
    if len(aes_key) != 43 or len(key) != 32:
        raise ValueError(f"{name}: encoding_aes_key must be 43 letters and digits")
    return key


def sign(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    parts = sorted(_bytes(part) for part in (token, timestamp, nonce, encrypted))
    # SHA-1 is the platform's choice; the token inside makes it a keyed sum
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()


def verify(channel: Channel, signature: str, timestamp: str, nonce: str, encrypted: str) -> None:
    wanted = sign(channel.token, timestamp, nonce, encrypted)
    if not hmac.compare_digest(wanted.encode(), _bytes(signature)):
        raise Refused(403, "signature")


def _bytes(text: str) -> bytes:
    # a query string may smuggle lone surrogates in; they must not end in a traceback
    return text.encode("utf-8", "surrogatepass")


def decrypt(channel: Channel, encrypted: str) -> str:
    """The message inside; every check of the frame is strict."""
    data = _unpad(_raw(channel, encrypted))
    if len(data) < HEAD:
        raise Refused(400, "length")
    end = HEAD + struct.unpack_from(">I", data, 16)[0]
    if end > len(data):
        raise Refused(400, "length")
    if not hmac.compare_digest(data[end:], channel.receive_id.encode()):
        raise Refused(400, "receiveid")
    try:
        return data[HEAD:end].decode()
    except UnicodeDecodeError:
        raise Refused(400, "utf8") from None


def _raw(channel: Channel, encrypted: str) -> bytes:
    try:
        sealed = binascii.a2b_base64(encrypted, strict_mode=True)
    except ValueError:  # binascii.Error is one; so is text that is not ASCII
        raise Refused(400, "base64") from None
    if not sealed or len(sealed) % 16:
        raise Refused(400, "length")
    decryptor = channel.cipher.decryptor()
    return decryptor.update(sealed) + decryptor.finalize()


def _unpad(data: bytes) -> bytes:
    pad = data[-1]
    if len(data) % BLOCK or not 1 <= pad <= BLOCK or data[-pad:] != bytes([pad]) * pad:
        raise Refused(400, "padding")
    return data[:-pad]


def encrypt(channel: Channel, plaintext: str, prefix: bytes) -> str:
    """`prefix` is 16 bytes that make two encryptions of one text differ."""
    message = plaintext.encode()
    data = prefix + struct.pack(">I", len(message)) + message + channel.receive_id.encode()
    pad = BLOCK - len(data) % BLOCK
    encryptor = channel.cipher.encryptor()
    sealed = encryptor.update(data + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def steady_prefix(channel: Channel, nonce: str, plaintext: str) -> bytes:
    """A prefix nobody can guess without the key, yet the same when a delivery is repeated."""
    return hmac.digest(channel.key, _bytes(nonce + plaintext), "sha256")[:16]
