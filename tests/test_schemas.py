"""JSON Schemas of events: which file is about which event, what becomes of a wrong one, and that
neither a schema nor an event can do any harm."""

import json
import re
import socket
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from tests.events import NOON, wire
from tests.test_commands import ROOT, told, tracker
from tests.test_contract_writing import GOOD_EVENTS
from tracker import batch, schemas
from tracker.aws import package
from tracker.batch import Batch, Rejection
from tracker.collector import Collector
from tracker.config import Config, Keys, Site
from tracker.errors import ConfigError
from tracker.http import Pending, Request
from tracker.schemas.check import MAX_FAULTS, MAX_LISTED_VALUES, Check

KEYS = Keys(
    sites={
        "shop": Site(["shop-key"]),
        "blog": Site(["blog-key"], schema_violations="flag"),
    }
)

WITH_TOTAL = {"properties": {"properties": {"required": ["total"]}}, "required": ["properties"]}
NEVER = {"required": ["never"]}


class Folder:
    """A folder of schemas, and a collector that goes by them."""

    def __init__(self, path: Path) -> None:
        self.path = path / "schemas"
        self.path.mkdir()
        self.config = Config(keys=KEYS, folder=path)

    def __setitem__(self, name: str, schema: object) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(schema if isinstance(schema, str) else json.dumps(schema))

    def collect(self, body: object, key: str = "shop-key", path_type: str | None = None) -> Batch:
        """What is queued of a request."""
        collector = Collector(
            self.config,
            clock=lambda: NOON,
            new_id=lambda: "b",
            schemas=lambda: schemas.load(self.config),
        )
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request("POST", "/v1/batch", {}, {"write_key": key}, raw, "203.0.113.9", "")
        pending = collector.collect(request, path_type)
        assert isinstance(pending, Pending)
        return batch.decode(pending.message)

    def rejected(self, event: dict[str, Any], key: str = "shop-key") -> list[tuple[str, str]]:
        """What is wrong with one event."""
        queued = self.collect({"batch": [event]}, key)
        assert len(queued.events) + len(queued.rejected) == 1
        return [fault for one in queued.rejected for fault in faults(one)]


def faults(rejection: Rejection) -> list[tuple[str, str]]:
    return [(rejection.field, rejection.reason), *rejection.more]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def track(name: str = "Order Completed", **members: Any) -> dict[str, Any]:
    return wire(type="track", event=name, **members)


def flagged(queued: Batch) -> list[dict[str, str]]:
    (event,) = queued.read()
    found: list[dict[str, str]] = msgspec.json.decode(event.document)["context"]["violations"]
    return found


# --- Which file is about which event --------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "event"),
    [
        ("Order Completed.json", track()),
        ("A%2FB Tested.json", track("A/B Tested")),
        ("%70age.json", track("page")),
        ("100% Off.json", track("100% Off")),
        ("%E2%9C%93.json", track("✓")),
        ("naïve.json", track("naïve")),
        ("track.json", track("of any name")),
        *((f"{kind}.json", wire(type=kind)) for kind in ("page", "screen", "identify")),
        ("group.json", wire(type="group", groupId="g")),
        ("alias.json", wire(type="alias", previousId="p")),
        ("shop/page.json", wire()),
        ("shop/Order Completed.json", track()),
    ],
)
def test_a_file_is_about_the_event_of_its_name(
    folder: Folder, file: str, event: dict[str, Any]
) -> None:
    folder[file] = NEVER
    assert folder.rejected(event) == [("never", "is required")]
    others = [track("another"), wire(), wire(type="screen")]
    unlike = [one for one in others if one["type"] != event["type"]]
    assert not any(folder.rejected(one) for one in unlike)


def test_a_schema_of_a_site_stands_in_for_the_general_one(folder: Folder) -> None:
    folder["page.json"] = NEVER
    folder["shop/page.json"] = True
    folder["shop/track.json"] = NEVER
    assert folder.rejected(wire()) == []
    assert folder.rejected(track()) == [("never", "is required")]
    assert [one["field"] for one in flagged(folder.collect({"batch": [wire()]}, "blog-key"))] == [
        "never"
    ]
    assert folder.rejected(track(), "blog-key") == []


def test_a_track_event_keeps_to_both_schemas(folder: Folder) -> None:
    folder["track.json"] = {"required": ["userId"]}
    folder["Order Completed.json"] = WITH_TOTAL
    assert folder.rejected(track(properties={})) == [
        ("userId", "is required"),
        ("properties.total", "is required"),
    ]


def test_what_is_no_schema_file_is_left_alone(folder: Folder) -> None:
    folder["README.md"] = "about these"
    folder[".page.json"] = "{"
    folder[".git/page.json"] = "{"
    assert schemas.load(folder.config) is None


# --- What a schema sees ---------------------------------------------------------------------------


def test_a_schema_sees_the_event_as_it_will_be_kept(folder: Folder) -> None:
    folder["track.json"] = {
        "properties": {
            "type": {"const": "track"},
            "userId": {"type": "string"},
            "properties": {"properties": {"x": {"type": "null"}}},
            "context": {
                "properties": {"app": {"const": "own"}, "locale": {"const": "de"}},
                "required": ["app", "locale"],
            },
            "writeKey": False,
        },
    }
    event = {"event": "E", "anonymousId": "v", "userId": None, "properties": {"x": None}}
    context = {"context": {"app": "own", "locale": None}, "type": "no type", "writeKey": "shop-key"}
    assert (
        folder.collect(
            event | context | {"context": {"app": "own", "locale": "de"}}, path_type="track"
        ).rejected
        == []
    )
    queued = folder.collect(
        {"batch": [event | context | {"type": "track"}], "context": {"app": "x", "locale": "de"}}
    )
    assert queued.rejected == []
    wrong = folder.collect({"batch": [event | {"type": "track"}], "context": {"app": "x"}})
    assert [one.field for one in wrong.rejected] == ["context.app"]


REASONS: dict[str, tuple[object, object, str]] = {
    "type": ({"type": ["integer", "null"]}, "1", "must be an integer or null"),
    "enum": (
        {"enum": ["a", 1, "c", "d", "e", "f"]},
        "x",
        'must be one of "a", 1, "c", "d", "e", …',
    ),
    "const": ({"const": {"a": "é"}}, 1, 'must be {"a": "é"}'),
    "pattern": ({"pattern": "^a+$"}, "b", "does not match ^a+$"),
    "format": ({"format": "email"}, "b", "is not a valid email"),
    "minLength": ({"minLength": 2}, "b", "is shorter than 2 characters"),
    "minimum": ({"minimum": 0}, -1, "is less than 0"),
    "exclusiveMaximum": ({"exclusiveMaximum": 1.5}, 1.5, "must be less than 1.5"),
    "multipleOf": ({"multipleOf": 5}, 7, "is not a multiple of 5"),
    "uniqueItems": ({"uniqueItems": True}, [1, 1], "has the same item twice"),
    "false": (False, 1, "is not expected"),
    "anyOf": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, 'breaks the rule "anyOf"'),
    "propertyNames": (
        {"propertyNames": {"maxLength": 1}},
        {"ab": 1},
        'breaks the rule "maxLength"',
    ),
    "a huge limit": ({"maximum": 10**30}, 10**31, f"is more than {10**30}"),
}


@pytest.mark.parametrize("draft", ["", "http://json-schema.org/draft-07/schema#"])
@pytest.mark.parametrize("name", REASONS)
def test_a_reason_is_said_in_a_few_words_without_the_value(
    folder: Folder, name: str, draft: str
) -> None:
    rule, value, reason = REASONS[name]
    schema = {"properties": {"properties": {"properties": {"x": rule}}}}
    folder["page.json"] = schema | ({"$schema": draft} if draft else {})
    assert folder.rejected(wire(properties={"x": value})) == [("properties.x", reason)]


def test_members_are_named_where_they_are_missing_or_too_many(folder: Folder) -> None:
    folder["page.json"] = {
        "properties": {
            "properties": {
                "required": ["a"],
                "properties": {"items": {"items": {"required": ["sku"]}}},
                "additionalProperties": False,
            }
        }
    }
    sent = {"items": [{"sku": 1}, {}], "x" * 300: 1, "z": 1}
    assert sorted(folder.rejected(wire(properties=sent))) == [
        ("properties.a", "is required"),
        ("properties.items.1.sku", "is required"),
        ("properties." + "x" * 188 + "…", "is not expected"),
        ("properties.z", "is not expected"),
    ]


@pytest.mark.parametrize("name", GOOD_EVENTS)
def test_what_is_strange_and_good_can_be_checked(folder: Folder, name: str) -> None:
    folder["page.json"] = {
        "type": "object",
        "properties": {
            "properties": {"additionalProperties": {"not": {"const": "x"}, "maxLength": 100}},
            "name": {"minLength": 1},
            "traits": {"uniqueItems": True},
        },
        "unevaluatedProperties": {"type": ["string", "object", "array", "number"]},
    }
    raw = b'{"type": "page", "anonymousId": "v", %s}' % GOOD_EVENTS[name].members
    queued = folder.collect(b'{"batch": [' + raw + b"]}")
    assert (len(queued.events), queued.rejected) == (1, [])


# --- What becomes of a wrong one ------------------------------------------------------------------


def test_a_flagged_event_is_stored_with_a_mark_in_its_context(folder: Folder) -> None:
    folder["page.json"] = {"required": ["never", "ever"]}
    sent = wire(context={"locale": "de", "violations": "of its own"})
    queued = folder.collect({"batch": [sent], "context": {"app": "a"}}, "blog-key")
    assert queued.rejected == []
    assert flagged(queued) == [
        {"field": "never", "reason": "is required"},
        {"field": "ever", "reason": "is required"},
    ]
    context = msgspec.json.decode(queued.read()[0].document)["context"]
    assert (context["locale"], context["app"]) == ("de", "a")
    assert flagged(folder.collect({"batch": [wire()]}, "blog-key"))


def test_an_address_is_truncated_in_a_flagged_event_too(folder: Folder) -> None:
    folder["page.json"] = NEVER
    queued = folder.collect({"batch": [wire(context={"ip": "203.0.113.77"})]}, "blog-key")
    assert b"203.0.113.77" not in queued.encode()
    assert flagged(queued)


def test_what_breaks_the_contract_is_no_matter_for_a_schema(folder: Folder) -> None:
    folder["page.json"] = NEVER
    assert folder.rejected({"type": "page"}, "blog-key") == [
        ("userId", "userId or anonymousId is required")
    ]


def test_an_event_without_a_schema_is_not_read_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder["page.json"] = NEVER
    folder["Order Completed.json"] = NEVER
    monkeypatch.setattr(Check, "_faults", None)
    assert folder.rejected(track("Paid")) == []
    assert folder.rejected(wire(type="identify")) == []


# --- Broken schemas -------------------------------------------------------------------------------

BROKEN: dict[str, tuple[str, object, str]] = {
    "not JSON": ("page.json", '{\n "type": }', "page.json, line 2, column 10: not JSON"),
    "empty": ("page.json", "", "page.json, line 1, column 1: not JSON"),
    "an array": ("page.json", [], "it must be an object"),
    "no type of JSON Schema's": (
        "page.json",
        {"properties": {"a": {"type": "text"}}},
        "page.json, at properties.a.type: not what JSON Schema allows there",
    ),
    "a limit that is text": ("page.json", {"minimum": "1"}, "at minimum: not what"),
    "a pattern that is none": (
        "page.json",
        {"properties": {"a": {"pattern": "("}}},
        "page.json, at properties.a.pattern: not a regular expression",
    ),
    "a pattern that looks around": (
        "page.json",
        {"pattern": "(?=a)a"},
        "at pattern: not a regular",
    ),
    "a pattern with a back reference": ("page.json", {"pattern": r"(a)\1"}, "at pattern: not a"),
    "a reference to nothing": ("page.json", {"$ref": "#/$defs/a"}, "'/$defs/a' does not exist"),
    "a reference to a file beside it": (
        "page.json",
        {"properties": {"a": {"$ref": "common.json"}}},
        "at properties.a.$ref: 'common.json': only what is in this file can be used",
    ),
    "a reference to a file anywhere": (
        "page.json",
        {"$ref": "file:///etc/passwd"},
        "at $ref: 'file",
    ),
    "an unknown draft": ("page.json", {"$schema": "http://127.0.0.1:9/x"}, "Unknown meta-schema"),
    "a site that is none": ("shp/page.json", {}, "shp is named after no site"),
    "a name that is no text": ("%ff.json", {}, "is not UTF-8"),
    "brackets without end": ("page.json", "[" * 100_000, "page.json is not JSON"),
    "a pattern too large": ("page.json", {"pattern": "(a{1000}){1000}{1000}"}, "at pattern: not a"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_schema_is_told_in_one_line(folder: Folder, name: str) -> None:
    file, schema, message = BROKEN[name]
    folder[file] = schema
    with pytest.raises(ConfigError) as raised:
        schemas.load(folder.config)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_files_about_one_event_are_refused(folder: Folder) -> None:
    folder["Paid.json"] = {}
    folder["%50aid.json"] = {}
    with pytest.raises(ConfigError, match="about the same event"):
        schemas.load(folder.config)


def test_no_reference_is_ever_fetched(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x.json"
        for reference in (
            {"$ref": url},
            {"$schema": url},
            {"$id": url, "$ref": "y.json"},
            {"$dynamicRef": url},
            {"properties": {"a": {"$id": url, "$ref": "z"}}},
        ):
            folder["page.json"] = reference
            with pytest.raises(ConfigError):
                schemas.load(folder.config)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_references_within_a_file_hold(folder: Folder) -> None:
    folder["page.json"] = {
        "$id": "https://shop.example/page.json",
        "$defs": {"price": {"type": "number"}},
        "properties": {"properties": {"properties": {"a": {"$ref": "#/$defs/price"}}}},
    }
    assert folder.rejected(wire(properties={"a": "1"})) == [("properties.a", "must be a number")]


def test_events_are_taken_where_schemas_cannot_be_read(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """`serve` and `deploy` refuse to begin with those; this is a Lambda deployed otherwise."""
    folder["page.json"] = "{"
    assert folder.rejected(wire()) == []
    assert "page.json, line 1" in caplog.text


@pytest.mark.parametrize("verb", ["serve", "replay"])
def test_the_command_line_refuses_to_begin_with_a_broken_schema(folder: Folder, verb: str) -> None:
    folder["blog/page.json"] = '{"type"}'
    sites = msgspec.json.encode(KEYS.sites).decode()
    data = folder.config.folder
    (data / "store.db").touch()
    line = told(tracker(verb, "--data", data, env={"TRACKER_SITES": sites}))
    assert line.startswith(f"tracker: {folder.path}/blog/page.json, line 1, column 8: not JSON")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    env = {"TRACKER_SCHEMAS": str(tmp_path / "nowhere")}
    line = told(tracker("serve", "--data", tmp_path / "data", "--port", "0", env=env))
    assert "TRACKER_SCHEMAS" in line
    assert "there is no such folder" in line


def test_a_deployment_refuses_to_begin_with_a_broken_schema(tmp_path: Path) -> None:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text('{"version": "2.0", "app_name": "tracker"}')
    schema = tmp_path / "vendor" / "schemas" / "page.json"
    schema.parent.mkdir(parents=True)
    schema.write_text('{"type": 1}')
    line = told(tracker("deploy", "--stage", "dev", cwd=tmp_path))
    assert line == ("tracker: vendor/schemas/page.json, at type: not what JSON Schema allows there")


# --- What a client can make it cost ---------------------------------------------------------------


def seconds(run: Callable[[], object]) -> float:
    """The processor's, and the best of three: the machine is not ours alone."""
    times = []
    for _ in range(3):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


def test_a_pattern_takes_time_by_the_length_of_the_text_only(folder: Folder) -> None:
    folder["page.json"] = {"properties": {"name": {"pattern": "^(a|a)*(a+)+$"}}}
    event = wire(name="a" * 30_000 + "b")
    assert seconds(lambda: folder.rejected(event)) < 1, "with backtracking, it would be for ever"


def test_faults_without_number_are_not_all_looked_for(folder: Folder) -> None:
    folder["page.json"] = {"properties": {"properties": {"additionalProperties": {"items": False}}}}
    wrong = wire(properties={"x": [0] * 10_000})
    queued = folder.collect({"batch": [wrong] * 16})
    assert [len(faults(one)) for one in queued.rejected] == [1] * 16
    fewer = wire(properties={"x": [0] * (MAX_LISTED_VALUES // 2)})
    queued = folder.collect({"batch": [fewer] * 3})
    assert [len(faults(one)) for one in queued.rejected] == [MAX_FAULTS, 1, 1]


def test_a_batch_of_wrong_events_is_answered_in_time(folder: Folder) -> None:
    folder["page.json"] = {"additionalProperties": {"type": "string", "maxLength": 36}}
    wrong = json.dumps({"type": "page", "anonymousId": "v"} | {f"n{n}": 0 for n in range(30)})
    body = b'{"batch": [' + b",".join([wrong.encode()] * 1_500) + b"]}"
    assert len(body) < 500 * 1024
    assert len(folder.collect(body).rejected) == 1_500
    assert seconds(lambda: folder.collect(body)) < 2


def test_a_schema_that_refers_to_itself_ends(folder: Folder) -> None:
    folder["page.json"] = {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#"}}}
    assert folder.rejected(wire(properties={"x": json.loads("[" * 29 + "]" * 29)})) == []
    folder["page.json"] = {"additionalProperties": {"$ref": "#"}, "items": {"$ref": "#"}}
    assert folder.rejected(wire(properties={"x": json.loads("[" * 29 + "]" * 29)})) == []


def test_the_batchs_context_is_no_way_around(folder: Folder) -> None:
    folder["page.json"] = {"properties": {"context": {"properties": {"plan": {"enum": ["a"]}}}}}
    queued = folder.collect({"batch": [wire(), wire(context={})], "context": {"plan": "x"}})
    assert [faults(one) for one in queued.rejected] == [
        [("context.plan", 'must be one of "a"')]
    ] * 2
    assert queued.context == Raw(b'{"plan": "x"}')


# --- What is said of them, and shipped ------------------------------------------------------------


def test_the_page_about_schemas_tells_the_truth(folder: Folder) -> None:
    page = (ROOT / "docs" / "failed-events.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    (folder["Order Completed.json"],) = [one for one in blocks if "properties" in one]
    assert sorted(folder.rejected(track(properties={"total": "12"}))) == [
        ("properties.currency", "is required"),
        ("properties.total", "must be a number"),
    ]
    (sites,) = [one for one in blocks if "shop" in one]
    assert msgspec.convert(sites, dict[str, Site])["shop"].failed_days == 90


@pytest.mark.parametrize("with_schemas", [True, False])
def test_a_package_has_what_checks_schemas_where_there_are_some(
    tmp_path: Path, *, with_schemas: bool
) -> None:
    zipped = tmp_path / "deployment.zip"
    files = {"app.py", "jsonschema_rs/__init__.py", "jsonschema_rs-0.39.0.dist-info/METADATA"}
    unneeded = {"boto3/__init__.py", "requests/api.py", *package.OTHER_FORMS}
    if with_schemas:
        files.add("schemas/page.json")
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in files | unneeded:
            archive.writestr(name, "")
    package.finish(zipped)
    with zipfile.ZipFile(zipped) as archive:
        names = {name for name in archive.namelist() if "__pycache__" not in name}
    assert names == (files if with_schemas else {"app.py"})
