"""Serve the whole system from this machine: collector, queue, consumer, store, read API."""

import argparse
import logging
import shlex
import sys
from dataclasses import replace
from pathlib import Path

from tracker import assets, folder, keyring, wiring
from tracker.config import ALL_SITES, DEFAULT_FOLDER, DEFAULT_SITE, Config, Keys, Site, hash_token
from tracker.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``serve`` takes."""
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s; 0: any")
    parser.add_argument("--write-key", metavar="KEY", help="let pages write with this key")
    parser.add_argument("--read-token", metavar="TOKEN", help="let this token read")
    parser.add_argument("--no-demo", action="store_true", help="leave out the demo page")


def run(given: argparse.Namespace, settings: Config) -> int:
    """Serve until told to stop."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    try:
        from tracker import server
        from tracker.worker import Worker
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the embedded server needs {error.name}: pip install -r requirements-embedded.txt"
        ) from None
    port = server.free_address(given.host, given.port)
    with folder.occupied(settings.folder):
        keys, made_token = _keys(given, settings)
        settings = replace(settings, keys=keys, demo=not given.no_demo)
        parts = wiring.parts(settings)
        parts.store.check()
        parts.queue.depth()
        worker = Worker(settings)
        parts.checks = {"consumer": worker.check}
        url = f"http://{_reachable(given.host)}:{port}"
        try:
            token = given.read_token or made_token
            server.serve(
                parts, given.host, port, lambda: print(_welcome(url, settings, token), flush=True)
            )
        finally:
            print("Finishing what was accepted …", flush=True)
            worker.drain()
    return 0


def _keys(given: argparse.Namespace, settings: Config) -> tuple[Keys, str | None]:
    """The keys in use, those of the command line among them; also the read token, if it was made
    just now."""
    keys = settings.keys
    made: str | None = None
    if not keys.sites and not (given.write_key and given.read_token):
        keys, made = keyring.make(settings.folder)
    sites, tokens = dict(keys.sites), dict(keys.read_tokens)
    if given.write_key:
        name = next(iter(sites), DEFAULT_SITE)
        site = sites.get(name, Site([]))
        others = [key for key in site.write_keys if key != given.write_key]
        sites[name] = Site([given.write_key, *others], site.origins)
    if given.read_token:
        tokens[hash_token(given.read_token)] = ALL_SITES
    return Keys(sites=sites, read_tokens=tokens), made


def _welcome(url: str, settings: Config, token: str | None) -> str:
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
    demo = f"  Demo page   {url}/demo   (open it, and click around)\n" if settings.demo else ""
    snippet = assets.snippet(api, key, settings.script_name).replace("\n", "\n    ")
    return f"""
The tracker serves {url}   (everything is kept in the folder {data}; Ctrl-C stops it)

{demo}  Write key   {key}
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
