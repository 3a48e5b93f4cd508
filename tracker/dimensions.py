"""By what events are counted: where they happened, what they were, and what their visitor uses."""

from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MAX_VALUE = 512
"""Characters of a value; what is longer is cut, and so counted with what begins alike."""


class Dimensions(NamedTuple):
    """An event's value in each dimension; ``None`` where it has none, and is not counted there."""

    path: str | None = None
    event: str | None = None
    """The name of a track."""
    referrer: str | None = None
    """The host that its page was come from, if that is another site's."""
    country: str | None = None
    browser: str | None = None
    os: str | None = None
    device: str | None = None
    """The kind of device, such as ``mobile``."""
    campaign: str | None = None
    """The campaign's name, or else its source."""


NAMES = Dimensions._fields


class Device(NamedTuple):
    """The dimensions that are about what a visitor uses."""

    country: str | None
    browser: str | None
    os: str | None
    device: str | None


def of_device(context: dict[str, Any]) -> Device:
    """Those that a context tells."""
    return Device(
        _member(context, "location", "country"),
        _member(context, "browser", "name"),
        _member(context, "os", "name"),
        _member(context, "device", "type"),
    )


def of_event(
    event: str | None,
    path: str | None,
    device: Device,
    context: dict[str, Any],
    properties: dict[str, Any] | None,
) -> Dimensions:
    """The dimensions of an event, given its name, its page's path and what the kit keeps with
    it."""
    campaign = None
    if "campaign" in context:
        campaign = _member(context, "campaign", "name") or _member(context, "campaign", "source")
    referrer = _referrer(context, properties)
    return Dimensions(_value(path), _value(event), referrer, *device, campaign)


def of_document(document: dict[str, Any]) -> Dimensions:
    """The dimensions of an event that is stored, given its document."""
    context, properties = document.get("context"), document.get("properties")
    context = context if isinstance(context, dict) else {}
    properties = properties if isinstance(properties, dict) else None
    path = page_path(context, properties)
    return of_event(document.get("event"), path, of_device(context), context, properties)


def page_path(context: dict[str, Any], properties: dict[str, Any] | None) -> str | None:
    """The page's path: server-side clients put it, or only the URL, into the properties."""
    for source in (context.get("page"), properties):
        if isinstance(source, dict):
            if isinstance(path := source.get("path"), str):
                return path
            if isinstance(url := source.get("url"), str):
                try:
                    return urlsplit(url).path or "/"
                except ValueError:
                    continue
    return None


def page_referrer(context: dict[str, Any], properties: dict[str, Any] | None) -> str | None:
    """The address that the page was come from."""
    return _text_of_page("referrer", context, properties)


def _text_of_page(
    member: str, context: dict[str, Any], properties: dict[str, Any] | None
) -> str | None:
    for source in (context.get("page"), properties):
        if isinstance(source, dict) and isinstance(text := source.get(member), str) and text:
            return text
    return None


def _referrer(context: dict[str, Any], properties: dict[str, Any] | None) -> str | None:
    referrer = page_referrer(context, properties)
    if not referrer:
        return None
    url = _text_of_page("url", context, properties) or ""
    end_of_host = referrer.find("/", referrer.find("://") + 3)
    if end_of_host > 0 and url.startswith(referrer[: end_of_host + 1]):
        return None  # most pages are come to from another one of the same site
    host = _host(referrer)
    return None if host == _host(url) else _value(host)


def _member(context: dict[str, Any], name: str, member: str) -> str | None:
    found = context.get(name)
    return _value(found.get(member)) if isinstance(found, dict) else None


def _value(found: Any) -> str | None:
    return found[:MAX_VALUE] if found and isinstance(found, str) else None


@lru_cache(4096)
def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
