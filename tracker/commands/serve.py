"""Serve the whole system from this machine: collector, queue, consumer, store, read API."""

import argparse
import logging
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from msgspec import structs
from msgspec.structs import replace

from tracker import assets, ids, keyring, logs, wiring
from tracker.config import ALL_SITES, DEFAULT_FOLDER, DEFAULT_SITE, Config, Keys, Site, hash_token
from tracker.config.embedded import ServerSettings
from tracker.embedded import folder
from tracker.embedded.proxies import Proxies
from tracker.errors import ConfigError, QueueUnavailable
from tracker.limits import Limits
from tracker.parts import Parts

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``serve`` takes."""
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0: any")
    parser.add_argument("--write-key", metavar="KEY", help="let pages write with this key")
    parser.add_argument("--read-token", metavar="TOKEN", help="let this token read")
    parser.add_argument("--no-demo", action="store_true", help="leave out the demo page")
    parser.add_argument("--json-logs", action="store_true", help="log JSON, and print no keys")
    parser.add_argument("--access-log", action="store_true", help="log each request")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Serve until told to stop."""
    settings = replace(settings, demo=not given.no_demo, server=_server_settings(given, settings))
    logs.to_standard_error("server", as_json=settings.server.json_logs)
    try:
        from tracker.embedded import server
        from tracker.embedded.metrics import ServerMetrics
        from tracker.embedded.worker import Worker
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the embedded server needs {error.name}: pip install -r requirements-embedded.txt"
        ) from None
    port = server.free_address(given.host, given.port)
    with folder.occupied(settings.folder):
        keys, made_token = _keys(given, settings)
        settings = replace(settings, keys=keys)
        if settings.secret is None and any(site.hashes for site in keys.sites.values()):
            settings = replace(settings, secret=keyring.secret(settings.folder))
        parts = wiring.parts(settings)
        parts.limits = _limits(settings.server)
        parts.new_id = ids.drawn()
        _ = parts.schemas
        parts.store.check()
        parts.queue.depth()
        worker = Worker(settings)
        parts.checks = {
            "consumer": worker.check,
            "disk": lambda: folder.check_room(settings.folder),
        }
        url = f"http://{_reachable(given.host)}:{port}"
        try:
            token = given.read_token or made_token
            metrics = ServerMetrics(worker.consumed)
            server.serve(parts, metrics, given.host, port, lambda: _welcome(url, settings, token))
        finally:
            _say("Finishing what was accepted …", settings)
            worker.drain()
            _say_what_waits(parts)
    return 0


def _say_what_waits(parts: Parts) -> None:
    """A queue elsewhere is others' as well: what is in it says nothing of this server."""
    if parts.config.queue_url:
        return
    with suppress(QueueUnavailable):
        depth = parts.queue.depth()
        if left := depth.waiting + depth.in_flight:
            log.warning(
                "requests whose events are not stored yet: %d; they are in %s, and are stored"
                " after the next start",
                *(left, parts.config.folder / wiring.QUEUE_FILE),
            )


def _limits(settings: ServerSettings) -> Limits:
    """A request whose address is a proxy's may be anybody's: it counts for nobody."""
    return Limits(
        settings.requests_per_address,
        settings.requests_per_key,
        free=Proxies(settings.trusted_proxies).trusts,
    )


def _keys(given: argparse.Namespace, settings: Config) -> tuple[Keys, str | None]:
    """The keys in use, those of the command line among them; also the read token, if it was made
    just now."""
    keys = settings.keys
    made: str | None = None
    if not keys.sites and not (given.write_key and given.read_token):
        made = None if settings.server.json_logs else keyring.new_read_token()
        keys = keyring.make(settings.folder, made)
    sites, tokens = dict(keys.sites), dict(keys.read_tokens)
    if given.write_key:
        name = next(iter(sites), DEFAULT_SITE)
        site = sites.get(name, Site([]))
        others = [key for key in site.write_keys if key != given.write_key]
        sites[name] = structs.replace(site, write_keys=[given.write_key, *others])
    if given.read_token:
        tokens[hash_token(given.read_token)] = ALL_SITES
    return Keys(sites=sites, read_tokens=tokens), made


def _server_settings(given: argparse.Namespace, settings: Config) -> ServerSettings:
    return structs.replace(
        settings.server,
        json_logs=given.json_logs or settings.server.json_logs,
        access_log=given.access_log or settings.server.access_log,
    )


def _say(text: str, settings: Config) -> None:
    """Tell whoever has started it: at a terminal, or in the log."""
    if settings.server.json_logs:
        log.info(text)
    else:
        print(text, flush=True)


def _welcome(url: str, settings: Config, token: str | None) -> None:
    # A log is kept, and read by many: no key and no token is ever in it.
    as_log = settings.server.json_logs
    _say(f"serving {url}" if as_log else _first_steps(url, settings, token), settings)


def _first_steps(url: str, settings: Config, token: str | None) -> str:
    api = url + settings.path_prefix
    name, site = next(iter(settings.keys.sites.items()))
    key = site.write_keys[0]
    data = shlex.quote(str(settings.folder))
    command = f"{_python()} -m tracker"
    options = "" if data == str(DEFAULT_FOLDER) else f" --data {data}"
    which = f" --site {name}" if len(settings.keys.sites) > 1 else ""
    if token is not None:
        reads = f"{token}   (keep it: only its hash is stored)"
    else:
        had = "made at an earlier start" if settings.keys.read_tokens else "none yet"
        reads = f"{had}; `{command} token{options}{which}` makes one, known from the next start on"
    pages = f"  Dashboard   {url}/   (asks for the read token)\n"
    if settings.demo:
        pages += f"  Demo page   {url}/demo   (open it, and click around)\n"
    snippet = assets.snippet(api, key, settings.script_name).replace("\n", "\n    ")
    return f"""
The tracker serves {url}   (everything is kept in the folder {data}; Ctrl-C stops it)

{pages}  Write key   {key}
  Read token  {reads}

Paste this into your pages, at the end of <head>:

    {snippet}

Then ask what somebody did:

    {command} events{options}{which} --user USER_ID
    curl -H "Authorization: Bearer {token or "READ_TOKEN"}" "{api}/v1/events?user_id=USER_ID"
"""


def _reachable(host: str) -> str:
    """The host in a URL for this machine; "any address" is none that a browser can open."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104  (what was given, not what is chosen)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _python() -> str:
    """This interpreter, as one would type it here."""
    executable = Path(sys.executable)
    if executable.is_relative_to(Path.cwd()):
        return str(executable.relative_to(Path.cwd()))
    return "python"
