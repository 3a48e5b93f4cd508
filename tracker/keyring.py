"""The keys of a data folder: made on the first start, kept in one file."""

import os
import secrets
from pathlib import Path

import msgspec

from tracker import private
from tracker.config import DEFAULT_SITE, Keys, Site, hash_token
from tracker.errors import ConfigError

FILE = "keys.json"


def load(folder: Path) -> Keys | None:
    """The keys of a folder, ``None`` if it has none yet. Raises `ConfigError`."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Keys)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise ConfigError(f"{folder} is a file: --data takes a folder") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path} is damaged ({error}): mend it, or move it away") from None


def make(folder: Path, token: str | None) -> Keys:
    """Make and keep the keys of one site, that a read token may read; it is not kept itself."""
    kept = load(folder) or Keys()
    keys = msgspec.structs.replace(
        kept,
        sites={DEFAULT_SITE: Site([new_write_key()])},
        read_tokens={hash_token(token): DEFAULT_SITE} if token else {},
    )
    save(folder, keys)
    return keys


def add_read_token(folder: Path, keys: Keys, hashed: str, site: str) -> None:
    """Keep the hash of a read token for a site (or ``*``) beside the others."""
    tokens = {**keys.read_tokens, hashed: site}
    save(folder, msgspec.structs.replace(keys, read_tokens=tokens))


def secret(folder: Path) -> str:
    """The secret of a folder, made and kept the first time that it is asked for."""
    kept = load(folder) or Keys()
    if kept.secret is not None:
        return kept.secret
    made = new_secret()
    save(folder, msgspec.structs.replace(kept, secret=made))
    return made


def new_secret() -> str:
    """What hashes are made with."""
    return secrets.token_urlsafe(32)


def new_write_key() -> str:
    """A key for a page. It is public, as the page is; it only has to be nobody else's."""
    return f"wk_{secrets.token_urlsafe(18)}"


def new_read_token() -> str:
    """A token nobody can guess."""
    return f"rt_{secrets.token_urlsafe(32)}"


def save(folder: Path, keys: Keys) -> None:
    """Replace the folder's keys, all at once. Raises `ConfigError`."""
    path = folder / FILE
    half_written = folder / f"{FILE}.{os.getpid()}"
    text = msgspec.json.format(msgspec.json.encode(keys), indent=2)
    try:
        private.folder(folder)
        descriptor = os.open(half_written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
        half_written.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
