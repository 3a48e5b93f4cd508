"""How an event's document is made small: DynamoDB bills each KiB that is written.

A dictionary of what most events say the same way saves what a single event has no room to
repeat. A dictionary, once used, is never changed: a new one gets the next number.
"""

import zlib

_SHOP = (
    b'"integrations":{},"traits":{"email":"name":"plan":"groupId":"previousId":"category":'
    b'"properties":{"price":"currency":"quantity":"product":"value":"revenue":"label":"title":'
    b'"search":"","referrer":"","url":"http://"channel":"server","version":'
    b'"library":{"name":"analytics-python","version":"@segment/analytics-node"'
    b'"analytics.js""RudderLabs JavaScript SDK""timezone":"Europe/America/New_YorkAsia/",'
    b'"screen":{"width":1920,"height":1080,"density":"innerWidth":"innerHeight":},'
    b'"campaign":{"source":"medium":"name":"term":"content":"google""cpc""newsletter""email"},'
    b'"locale":"en-US""de-DE""fr-FR","os":{"name":"device":{"type":"app":{"name":'
)
_USER_AGENTS = (
    b'"userAgent":"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 '
    b"(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1 (Macintosh; Intel Mac OS X "
    b"10_15_7) (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 (Linux; Android 10; "
    b"K) (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b'Chrome/150.0.0.0 Safari/537.36 Edg/",'
)
_DEVICES = (
    b'"location":{"country":"US"},"bot":"webdriver""user agent: "browser":{"name":"Firefox""Edge"'
    b'"Safari","version":"18"},"os":{"name":"Linux"},"browser":{"name":"Mobile Safari","version":'
    b'"18"},"os":{"name":"iOS","version":"18"},"device":{"type":"tablet"},"browser":{"name":'
    b'"Chrome Mobile","version":"150"},"os":{"name":"Android","version":"10"},"device":{"type":'
    b'"mobile"},"browser":{"name":"Chrome","version":"150"},"os":{"name":"Mac OS X","version":"10"}'
    b',"os":{"name":"Windows","version":"10"},"device":{"type":"desktop"}'
)
_PAGE = (
    b'"ip":"192.168.10.0"'
    b'"type":"identify","type":"track","event":"Clicked Viewed Added Signed Up Completed'
    b'","type":"page","name":"messageId":"anonymousId":"userId":"timestamp":"2026-'
    b'"originalTimestamp":"2026-"sentAt":"2026-"receivedAt":"2026-T00:00:00.000Z","context":{'
    b'"library":{"name":"tracker-kit","version":"page":{"url":"https://www."path":"/",'
    b'"referrer":"https://www.google.com/","title":"","search":""},"sessionId":"","seq":'
)

_DICTIONARIES = {
    1: _SHOP + _USER_AGENTS + _PAGE,
    2: _SHOP + _DEVICES + _PAGE,  # a user agent is no longer kept
}
_CURRENT = 2


def compress(document: bytes) -> bytes:
    """The document in fewer bytes; the first says which dictionary was used."""
    stream = zlib.compressobj(level=9, zdict=_DICTIONARIES[_CURRENT])
    return bytes([_CURRENT]) + stream.compress(document) + stream.flush()


def decompress(blob: bytes) -> bytes:
    """The document again."""
    stream = zlib.decompressobj(zdict=_DICTIONARIES[blob[0]])
    return stream.decompress(blob[1:])
