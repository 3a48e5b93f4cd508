"""What a site's settings keep out of everything that is written down, seen through the door: the
queue's bytes, the store's, the failed events, a replay."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tests.door import (
    ALLOWED,
    GUARDED_KEY,
    GUARDED_TOKEN,
    OPEN_TOKEN,
    Door,
    settings,
    start,
)
from tests.engines.eventually import eventually
from tests.engines.server import Servers
from tests.events import NOON
from tests.test_commands import ROOT, told, tracker
from tracker import anonymise, batch, keyring, replay
from tracker.aws import provisioning
from tracker.batch import Batch
from tracker.collector import Collector
from tracker.config import Config, Keys, Site
from tracker.errors import ConfigError
from tracker.http import Pending, Request
from tracker.queues.sqlite import SqliteQueue
from tracker.stores import FailedEvent
from tracker.stores.sqlite.store import SqliteStore

SECRET = {"TRACKER_SECRET": "a secret of the tests"}
ADDRESS = "203.0.113.77"
MAIL = "ada@example.org"


def queued(site: Site, *events: object, **envelope: Any) -> bytes:
    """What the collector gives the queue of a request."""
    config = Config(keys=Keys(sites={"shop": site}), secret=SECRET["TRACKER_SECRET"])
    collector = Collector(config, clock=lambda: NOON, new_id=lambda: "b")
    packed = [e if isinstance(e, bytes) else msgspec.json.encode(e) for e in events]
    rest = "".join(f',"{name}":{json.dumps(value)}' for name, value in envelope.items())
    body = b'{"batch":[' + b",".join(packed) + b"]" + rest.encode() + b',"writeKey":"key"}'
    answer = collector.collect(Request("POST", "/v1/batch", body=body, client_ip=ADDRESS))
    assert isinstance(answer, Pending), answer
    return answer.message


def page(**members: Any) -> dict[str, Any]:
    return {"type": "page", "anonymousId": "v"} | members


@pytest.mark.parametrize("setting", ["truncated", "none", "hashed"])
def test_no_whole_address_comes_into_the_queue(setting: str) -> None:
    message = queued(
        Site(["key"], ip=setting),
        page(context={"ip": ADDRESS}),
        page(type="nothing", context={"ip": ADDRESS}),
        rb'{"type":"page","anonymousId":"v","conte\u0078t":{"ip":"203.0.113.77"},"context":{}}',
        context={"ip": ADDRESS},
    )
    assert ADDRESS.encode() not in message
    whole = queued(Site(["key"], ip="full"), page(context={"ip": ADDRESS}))
    assert whole.count(ADDRESS.encode()) == 2


def test_what_is_dropped_or_hashed_never_comes_into_the_queue() -> None:
    email = {"email": MAIL, "plan": "pro"}
    events = [
        page(properties={"deep": [{"user": email}]}),
        page(traits=email),
        page(context={"traits": email}),
        page(type="nothing", properties=email),
        rb'{"type":"page","anonymousId":"v","properties":{"em\u0061il":"ada@example.org"}}',
        rb'{"type":"page","anonymousId":"v","properties":{"email":"ada@e\u0078ample.org"}}',
        b'{"type":"page","anonymousId":"v","traits":{"email":"ada@example.org"},"traits":{}}',
        b'["a payload that is no object, of ada@example.org"]',
    ]
    for site in (Site(["key"], drop=["email"]), Site(["key"], hash=["email"])):
        message = queued(site, *events, context={"traits": email})
        assert b"ada@" not in message
        read = batch.decode(message)
        assert [len(read.events), len(read.rejected)] == [6, 2]
        assert read.rejected[0].whole
        assert b'"plan":"pro"' in message
        assert (read.rejected[1].payload, read.rejected[1].whole) == ("", False)
        assert "is not kept" in read.rejected[1].reason


def test_a_hashed_value_is_the_same_in_every_event() -> None:
    message = queued(Site(["key"], hash=["email"]), *[page(properties={"email": MAIL})] * 3)
    found = {json.loads(e.document)["properties"]["email"] for e in batch.decode(message).read()}
    assert len(found) == 1
    assert found.pop().startswith("hash:")


def test_a_replay_follows_the_rules_that_hold_now(tmp_path: Path) -> None:
    queue, store = SqliteQueue(tmp_path / "queue.db"), SqliteStore(tmp_path / "store.db")
    context = {"ip": ADDRESS, "traits": {"email": MAIL}}
    origin = Batch(
        id="f",
        site="shop",
        received_at=NOON,
        ip="203.0.113.0",
        context=msgspec.Raw(msgspec.json.encode(context)),
    )
    payload = json.dumps(page(properties={"email": MAIL, "x": 1}, context=context))
    failed = FailedEvent(
        id="f", site="shop", received_at=NOON, field="", reason="", payload=payload, origin=origin
    )
    store.append_failed([failed, structs.replace(failed, id="g", origin=None)])
    config = Config(keys=Keys(sites={"shop": Site(["key"], ip="none", drop=["email"])}))
    chosen = replay.Chosen("shop", rules=anonymise.of_site(config, "shop"))
    assert sum(step.replayed for step in replay.failed_events(store, queue, chosen)) == 2
    messages = [message.body for message in queue.receive(10, 0)]
    assert len(messages) == 2
    for message in messages:
        assert MAIL.encode() not in message
        assert b"203.0.113" not in message
        assert b'"x": 1' in message or b'"x":1' in message


def test_a_hashed_payload_is_hashed_once(tmp_path: Path) -> None:
    site = Site(["key"], ip="hashed", hash=["email"])
    event = page(properties={"email": MAIL}, context={"ip": ADDRESS})
    (good,) = batch.decode(queued(site, event)).read()
    (bad,) = batch.decode(queued(site, event | {"type": None})).rejected
    rules = anonymise.Rules("shop", site, SECRET["TRACKER_SECRET"])
    again = json.loads(rules.event(bad.payload.encode(), {"ip": ""}, NOON))
    stored = json.loads(good.document)
    assert again["properties"] == stored["properties"]
    assert again["context"]["ip"] == stored["context"]["ip"]


# --- Through the door -----------------------------------------------------------------------------


def with_settings(**privacy: Any) -> dict[str, str]:
    """The door's two sites, of which the first has these settings."""
    environment = settings()
    sites = json.loads(environment["TRACKER_SITES"])
    sites["open"] |= privacy
    return environment | {"TRACKER_SITES": json.dumps(sites)}


def everything_in(folder: Path) -> bytes:
    """All that is written down in a server's folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_what_a_site_keeps_is_what_is_read_and_no_file_holds_more(server: Servers) -> None:
    environment = with_settings(ip="hashed", drop=["password"], hash=["email"])
    door = Door(start(server, environment, "--no-demo"))
    private = {"password": "a pass phrase", "email": MAIL, "plan": "pro"}
    event = {
        "type": "identify",
        "userId": "ada",
        "anonymousId": "v",
        "traits": private,
        "context": {"ip": ADDRESS, "traits": private},
    }
    headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0"}
    answer = door.post({"batch": [event, event | {"userId": 7}, [private]]}, headers=headers)
    assert answer.json["accepted"] == 1
    (stored,) = door.stored("v")
    assert stored["traits"].keys() == {"email", "plan"}
    assert stored["traits"] == stored["context"]["traits"]
    assert stored["context"]["ip"].startswith("hash:")
    assert door.read("/v1/users/ada").json["traits"] == stored["traits"]
    failed = eventually(lambda: found if len(found := door.failed()) == 2 else [])
    payloads = {one["payload"] for one in failed}
    assert "" in payloads
    assert json.loads(max(payloads, key=len))["traits"] == stored["traits"]
    server.stop()
    kept = everything_in(door.server.data)
    for secret in (b"a pass phrase", MAIL.encode(), ADDRESS.encode()):
        assert secret not in kept
    assert b"Gecko" not in json.dumps(stored).encode()


def test_each_site_has_its_own_rules(server: Servers) -> None:
    door = Door(start(server, with_settings(ip="none", drop=["email"]), "--no-demo"))
    body = {"batch": [page(properties={"email": MAIL}, context={"ip": ADDRESS})]}
    door.post(body)
    door.post(body, f"/v1/batch?write_key={GUARDED_KEY}", {"origin": ALLOWED})
    (here,) = door.stored("v")
    (there,) = eventually(lambda: door.events("v", GUARDED_TOKEN))
    assert "ip" not in here["context"]
    assert here["properties"] == {}
    assert there["context"]["ip"] == "203.0.113.0"
    assert there["properties"] == {"email": MAIL}


def test_the_country_of_the_cdn_is_read_back(server: Servers) -> None:
    door = Door(start(server, settings() | {"TRACKER_COUNTRY_HEADER": "X-Land"}, "--no-demo"))
    door.post({"batch": [page()]}, headers={"x-land": "de", "cf-ipcountry": "FR"})
    assert door.stored("v")[0]["context"]["location"] == {"country": "DE"}


# --- The secret -----------------------------------------------------------------------------------


def hashes_of(door: Door) -> dict[str, str]:
    door.post({"batch": [page(messageId="m", properties={"email": MAIL})]})
    found: dict[str, str] = door.stored("v")[0]["properties"]
    return found


def test_a_folder_makes_its_secret_when_a_site_first_asks_for_one(server: Servers) -> None:
    plain = start(server, settings(), "--no-demo")
    file = plain.data / "keys.json"
    assert plain.stop() == 0
    assert not file.exists()
    environment = with_settings(hash=["email"])
    first = Door(server("--write-key=", "--read-token=", env=environment, data=plain.data))
    before = hashes_of(first)
    assert first.server.stop() == 0
    secret = json.loads(file.read_bytes())["secret"]
    assert len(secret) > 40
    assert file.stat().st_mode & 0o777 == 0o600
    second = Door(server("--write-key=", "--read-token=", env=environment, data=plain.data))
    second.post({"batch": [page(anonymousId="w", properties={"email": MAIL})]})
    assert second.stored("w")[0]["properties"] == before
    assert json.loads(file.read_bytes())["secret"] == secret


def test_keys_and_secret_of_a_folder_do_not_lose_each_other(tmp_path: Path) -> None:
    secret = keyring.secret(tmp_path)
    keys = keyring.make(tmp_path, "a read token")
    keyring.add_read_token(tmp_path, keys, "0" * 64, "default")
    assert keyring.secret(tmp_path) == secret
    kept = keyring.load(tmp_path)
    assert kept is not None
    assert (len(kept.sites), len(kept.read_tokens)) == (1, 2)


def app_in(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What a Lambda does when it starts."""
    lambdas = {"TRACKER_QUEUE_URL": "http://127.0.0.1:9/1/q", "TRACKER_TABLES": "t"}
    return subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=ROOT,
        env=os.environ | lambdas | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("privacy", [{"ip": "hashed"}, {"hash": ["email"]}])
def test_a_lambda_whose_site_hashes_does_not_start_without_a_secret(
    privacy: dict[str, Any],
) -> None:
    refused = app_in(with_settings(**privacy))
    assert refused.returncode == 1
    last = refused.stderr.strip().splitlines()[-1]
    assert "ConfigError: site 'open' hashes, and TRACKER_SECRET is not set" in last
    assert app_in(with_settings(**privacy) | SECRET).returncode == 0


def test_a_stage_gets_a_secret_as_it_gets_keys(tmp_path: Path) -> None:
    stage = {"environment_variables": with_settings(hash=["email"])}
    file = tmp_path / ".chalice" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"app_name": "tracker", "stages": {"dev": stage, "prod": {}}}))
    secrets = []
    for _ in range(2):
        provisioning.write_settings("dev", {}, {}, tmp_path)
        environment = json.loads(file.read_text())["stages"]["dev"]["environment_variables"]
        secrets.append(environment["TRACKER_SECRET"])
        assert app_in(environment).returncode == 0
    assert secrets[0] == secrets[1]
    assert len(secrets[0]) > 40


@pytest.mark.parametrize("privacy", [{"ip": "some"}, {"hash": [7]}, {"drop": ["a"], "hash": ["a"]}])
def test_a_stage_with_a_bad_setting_is_refused_before_anything_is_made(
    privacy: dict[str, Any], tmp_path: Path
) -> None:
    stage = {"environment_variables": with_settings(**privacy)}
    file = tmp_path / ".chalice" / "config.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"app_name": "tracker", "stages": {"dev": stage}}))
    before = file.read_bytes()
    with pytest.raises(ConfigError):
        provisioning.write_settings("dev", {}, {}, tmp_path)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (with_settings(ip="some"), "use one of truncated, full, none, hashed"),
        (with_settings(drop=[""]), "drop has an empty name"),
        (with_settings(drop=["a", "b"], hash=["b"]), "'b' is in drop and in hash"),
        (with_settings(drop="email"), "TRACKER_SITES is not the JSON it should be"),
        (with_settings(hash=[7]), "TRACKER_SITES is not the JSON it should be"),
        (settings() | {"TRACKER_SECRET": "short"}, "shorter than 16 characters"),
        (settings() | {"TRACKER_COUNTRY_HEADER": "X Country"}, "the name of a header"),
    ],
)
def test_a_bad_setting_is_one_line_that_says_what_to_use(
    environment: dict[str, str], says: str, tmp_path: Path
) -> None:
    assert says in told(tracker("serve", "--port", "0", "--data", tmp_path, env=environment))


def test_a_write_key_of_the_command_line_leaves_a_sites_settings_as_they_are(
    server: Servers,
) -> None:
    door = Door(server(env=with_settings(drop=["email"])))
    door.post(
        {"batch": [page(properties={"email": MAIL, "x": 1})]}, "/v1/batch?write_key=test-write-key"
    )
    found = eventually(lambda: door.events("v", OPEN_TOKEN))
    assert found[0]["properties"] == {"x": 1}


def test_an_older_folder_without_the_settings_is_read(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"sites": {"a": {"write_keys": ["k"]}}}')
    keys = keyring.load(tmp_path)
    assert keys is not None
    assert (keys.secret, keys.sites["a"].ip, keys.sites["a"].drop) == (None, "truncated", [])
    (tmp_path / "keys.json").write_text('{"sites": {"a": {"write_keys": ["k"], "ip": 7}}}')
    with pytest.raises(ConfigError):
        keyring.load(tmp_path)
