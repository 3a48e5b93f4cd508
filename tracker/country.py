"""The country that a CDN tells of a visitor: no address is looked up anywhere."""

from collections.abc import Mapping

KNOWN = ("cloudfront-viewer-country", "cf-ipcountry", "x-vercel-ip-country")
"""The headers of CloudFront, Cloudflare and Vercel."""

_NOWHERE = ("XX", "ZZ")
"""Cloudflare's and Google's word for an address that they do not know; Tor's is ``T1``."""


def of(headers: Mapping[str, str], own: str | None) -> str | None:
    """Two letters, as in ISO 3166. ``own`` is a header that was set: then it alone counts."""
    for name in (own.lower(),) if own else KNOWN:
        code = headers.get(name, "").strip().upper()
        if len(code) == 2 and code.isascii() and code.isalpha() and code not in _NOWHERE:
            return code
    return None
