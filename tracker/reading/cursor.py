"""Opaque cursors: a place in a list, as text a client hands back."""

import base64
import binascii
from typing import TypeVar

import msgspec

from tracker.errors import Problem

T = TypeVar("T")


def encode(place: tuple[object, ...]) -> str:
    """The cursor of a place."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def decode(cursor: str, decoder: "msgspec.msgpack.Decoder[T]") -> T:
    """The place of a cursor. Raises `Problem` 400 for one that is not ours."""
    try:
        packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return decoder.decode(packed)
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        reason = "is not a cursor of this list"
        raise Problem(
            400, "invalid_parameter", f"cursor {reason}.", errors=[("cursor", reason)]
        ) from None
