"""Credentials at rest: AES-256-GCM bound to the row that owns them, with keys that can be changed."""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.settings import Settings

KEY_FILE = "secret.keys"
_FORMAT = "v1"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class SecretKeyMissingError(PwhError):
    """A record was sealed with a key this process does not have."""

    code = "secret_key_missing"

    def __init__(self, key_id: str, known: tuple[str, ...]) -> None:
        self.key_id = key_id
        have = ", ".join(f"`{name}`" for name in known) or "none"
        super().__init__(
            f"A credential was encrypted with key `{key_id}`, which is not among the keys here ({have}). "
            f"Put that key back into `{KEY_FILE}` or `PWH_SECRET_KEYS`, or enter the credentials again."
        )


class SecretDamagedError(PwhError):
    """A record does not open: it was changed, moved to another row, or its key is another one."""

    code = "secret_damaged"

    def __init__(self) -> None:
        super().__init__(
            "A stored credential cannot be decrypted: it was changed, belongs to another row, or its key was replaced. "
            "Enter the credentials of this source again."
        )


class SecretBox:
    """Seals and opens credentials. Holds every key, newest first; the newest seals."""

    __slots__ = ("_file", "_keys")

    def __init__(self, keys: Mapping[str, bytes], file: Path | None = None) -> None:
        self._keys = dict(keys)
        self._file = file

    @classmethod
    def from_settings(cls, settings: Settings) -> "SecretBox":
        """The keys of `PWH_SECRET_KEYS`, else of the key file in the home, which is made at first use.

        Raises:
            InvalidInputError: the variable or the file cannot be read as keys.
        """
        if settings.secret_keys:
            return cls(_parse(settings.secret_keys.replace(",", "\n"), "PWH_SECRET_KEYS"))
        file = settings.home / KEY_FILE
        if not file.exists():
            _create(file)
        return cls(_read(file), file)

    def __repr__(self) -> str:
        return f"SecretBox(key_ids={self.key_ids!r})"

    def __reduce__(self) -> str:
        raise TypeError("A SecretBox is not pickled: its keys stay in this process.")

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Newest first."""
        return tuple(self._keys)

    @property
    def is_file_managed(self) -> bool:
        return self._file is not None

    def seal(self, plaintext: bytes, row_id: str) -> str:
        """A record only `open` with the same `row_id` can read. Two records of one text differ."""
        key_id = next(iter(self._keys))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._keys[key_id]).encrypt(nonce, plaintext, _bound(key_id, row_id))
        body = base64.urlsafe_b64encode(nonce + sealed).decode()
        return f"{_FORMAT}.{key_id}.{body}"

    def open(self, record: str, row_id: str) -> bytes:
        """The plaintext of a record.

        Raises:
            SecretKeyMissingError: the record's key is not here.
            SecretDamagedError: record, row or key do not belong together.
        """
        try:
            version, key_id, body = record.split(".")
            raw = base64.b64decode(body, altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise SecretDamagedError from None
        if version != _FORMAT:
            raise SecretDamagedError
        if key_id not in self._keys and self._file is not None and self._file.exists():
            self._keys = _read(self._file)  # another process added a key
        if key_id not in self._keys:
            raise SecretKeyMissingError(key_id, self.key_ids)
        try:
            return AESGCM(self._keys[key_id]).decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _bound(key_id, row_id)
            )
        except (InvalidTag, ValueError):
            raise SecretDamagedError from None

    def sign(self, text: str) -> str:
        """A signature only somebody with the newest key can make."""
        key_id = next(iter(self._keys))
        return f"{key_id}.{_mac(self._keys[key_id], text)}"

    def is_signed(self, text: str, signature: str) -> bool:
        """Whether a signature was made for this text with a key that is here."""
        key_id, _, mac = signature.partition(".")
        if key_id not in self._keys and self._file is not None and self._file.exists():
            self._keys = _read(self._file)
        key = self._keys.get(key_id)
        return key is not None and hmac.compare_digest(mac.encode(), _mac(key, text).encode())

    def is_current(self, record: str) -> bool:
        """True when the record was sealed with the newest key."""
        return record.split(".")[1:2] == [next(iter(self._keys))]

    def add_key(self) -> str:
        """Put a new key in front of the key file and use it from now on; its id.

        Raises:
            InvalidInputError: the keys come from the environment, where we cannot add one.
        """
        from filelock import FileLock

        if self._file is None:
            raise InvalidInputError(
                "PWH_SECRET_KEYS",
                "The keys come from `PWH_SECRET_KEYS`, which only you can change: put a new `id:key` in front of the "
                "others.",
            )
        with FileLock(self._file.with_name(f".{self._file.name}.lock"), mode=0o600):
            keys = _read(self._file)
            key_id = _new_id(keys)
            keys = {key_id: secrets.token_bytes(_KEY_BYTES), **keys}
            _replace(self._file, keys)
        self._keys = keys
        return key_id


def _mac(key: bytes, text: str) -> str:
    """Under a key of its own, derived from the one that encrypts."""
    own = hmac.digest(key, b"pwh:sign", "sha256")
    return hmac.new(own, text.encode(), hashlib.sha256).hexdigest()


def _bound(key_id: str, row_id: str) -> bytes:
    return f"pwh:{_FORMAT}:{key_id}:{row_id}".encode()


def _new_id(taken: Mapping[str, bytes]) -> str:
    while (key_id := f"k{secrets.token_hex(4)}") in taken:
        pass
    return key_id


def _parse(text: str, where: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key_id, colon, encoded = line.strip().partition(":")
        try:
            key = base64.b64decode(encoded, altchars=b"-_" if set("-_") & set(encoded) else None)
        except (ValueError, binascii.Error):
            key = b""
        if not colon or not key_id.isalnum() or len(key) != _KEY_BYTES or key_id in keys:
            raise InvalidInputError(
                "PWH_SECRET_KEYS",
                f"Entry {number} of `{where}` is not an own `id:key` with a key of 32 bytes in base64. "
                "Make one with `python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'`.",
            )
        keys[key_id] = key
    if not keys:
        raise InvalidInputError(
            "PWH_SECRET_KEYS",
            f"`{where}` holds no key. Put the `id:key` line back that the credentials were encrypted with.",
        )
    return keys


def _read(file: Path) -> dict[str, bytes]:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidInputError(
            "PWH_HOME", f"The key file `{file}` cannot be read. Give this user access to it."
        ) from None
    if mode & 0o077:
        raise InvalidInputError(
            "PWH_HOME",
            f"The key file `{file}` may be read by others (mode {mode:03o}). Run `chmod 600 {file}`.",
        )
    return _parse(text, str(file))


def _lines(keys: Mapping[str, bytes]) -> str:
    return "".join(f"{name}:{base64.b64encode(key).decode()}\n" for name, key in keys.items())


def _write_beside(file: Path, keys: Mapping[str, bytes]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(_lines(keys))
        out.flush()
        os.fsync(out.fileno())
    return beside


def _create(file: Path) -> None:
    """Make the first key; of two processes doing so at once, one wins and both use its key."""
    beside = _write_beside(file, {_new_id({}): secrets.token_bytes(_KEY_BYTES)})
    with contextlib.suppress(FileExistsError):
        os.link(beside, file)
    beside.unlink()


def _replace(file: Path, keys: Mapping[str, bytes]) -> None:
    _write_beside(file, keys).replace(file)
