"""Bytes that are nearly right: known inputs, spoiled at random, by a seed."""

import random
from collections.abc import Callable, Sequence

TOKENS = [
    *(b"null", b"true", b"-0", b"1e999", b"1e-400", b"9" * 40, b"0.1", b"NaN", b"[]", b"{}", b'""'),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf"),
    *(b"[" * 40, b'{"a":' * 40, b'"', b"\\", b",", b":", b"\x00", b"\n", b" "),
    *(b'"type":"page"', b'"type":"alias"', b'"type":"identify"', b'"userId":"u"', b'"userId":""'),
    *(b'"anonymousId":"a"', b'"previousId":"p"', b'"groupId":"g"', b'"event":"E"'),
    *(b'"messageId":"m"', b'"messageId":"",', b'"timestamp":"2026-11-22T12:00:00Z"'),
    *(b'"originalTimestamp":"0001-01-01"', b'"sentAt":"9999-12-31T23:59:59Z"', b"24:00:00"),
    *(
        b'"context":{"page":{"url":"http://[","path":1}}',
        b'"context":{"ip":"1.2.3.4"}',
        b'"context"',
    ),
    *(b'"context":{"seq":9999999999}', b'"context":{"sessionId":1}', b'"context":{"bot":true}'),
    *(b'"context":{"userAgent":"Mozilla"}', b'"context":{"userAgentData":{"brands":[]}}'),
    *(b'"context":{"page":{"referrer":"https://x:y"}}', b'"context":{"campaign":{"name":"c"}}'),
    *(b'"properties":{"secret":1,"email":"a@b"}', b'"traits":{"email":{"secret":[1]}}'),
    *(b"2026-11-22", b"T25:00", b"+99:99", b"%00", b"%ff", b"&", b"=", b"+", b"\xf0\x9f\x98\x80"),
]


class Mutator:
    """Makes inputs: of a corpus, or by a shape; spoiled or as they are."""

    def __init__(
        self,
        corpus: Sequence[bytes],
        seed: int,
        shape: Callable[[random.Random], bytes] | None = None,
    ) -> None:
        self._corpus = corpus
        self._shape = shape
        self._chance = random.Random(seed)

    def next(self) -> bytes:
        """One input."""
        chance = self._chance
        if self._shape is None or chance.random() < 0.3:
            made = chance.choice(self._corpus)
        else:
            made = self._shape(chance)
            if chance.random() < 0.7:
                return made
        for _ in range(chance.choice([0, 1, 1, 1, 1, 2, 2, 3, 5, 10])):
            made = self._mutated(made)
        return made[:100_000]

    def _mutated(self, whole: bytes) -> bytes:
        chance = self._chance
        start = chance.randrange(len(whole) + 1)
        end = min(len(whole), start + chance.choice([0, 1, 2, 4, 10, 50]))
        match chance.randrange(8):
            case 0:
                middle = b""
            case 1 | 2:
                middle = chance.choice(TOKENS)
            case 3:
                middle = bytes([chance.randrange(256)])
            case 4:
                middle = whole[start:end] * 2
            case 5:
                other = chance.choice(self._corpus)
                at = chance.randrange(len(other) + 1)
                middle = other[at : at + chance.choice([1, 5, 20, 200])]
            case 6:
                middle = b"," + chance.choice(TOKENS)
            case _:
                middle = whole[start:end] + chance.choice(TOKENS)
        return whole[:start] + middle + whole[end:]
