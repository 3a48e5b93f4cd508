"""Who is who, in whatever order it becomes known; on every store."""

import random
from itertools import accumulate
from typing import Any

import msgspec
import pytest

from tests.asking import all_of
from tests.events import HOUR, MINUTE, NOON, SECOND, SITE, received, wire
from tracker import timestamps
from tracker.activity import Question
from tracker.identity import MAX_USER_IDS
from tracker.profile import profile
from tracker.stores import Store, traits

ORDERS = range(3)


def told(store: Store, order: int, *events: dict[str, Any]) -> list[str]:
    """Store events one by one, shuffled, some of them twice; answers their ids, in their order."""
    shuffle = random.Random(order)
    arriving = shuffle.sample(events, len(events)) + shuffle.sample(events, len(events) // 2)
    for minutes, event in enumerate(arriving, 1):
        store.append(received(event, at=NOON + minutes * MINUTE))
    return [event["messageId"] for event in events]


def of_user(store: Store, user_id: str) -> list[str]:
    """What a user did, the oldest first."""
    return all_of(store, Question(site=SITE, user_id=user_id, descending=False), limit=2)


def known(store: Store, user_id: str) -> dict[str, Any]:
    found = profile(store, SITE, user_id)
    assert found
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return answer


@pytest.mark.parametrize("order", ORDERS)
def test_a_shared_computer_mixes_nobodys_events(store: Store, order: int) -> None:
    kinds = [("a", None), ("a", "A"), ("a", None), ("a", "B"), ("a", None)]
    sent = told(
        store,
        order,
        *(
            wire(NOON + n * SECOND, anonymousId=visitor, userId=user, type="identify")
            for n, (visitor, user) in enumerate(kinds)
        ),
    )
    assert of_user(store, "A") == sent[:2]
    assert of_user(store, "B") == sent[2:]


@pytest.mark.parametrize("order", ORDERS)
def test_after_a_reset_a_computer_is_somebody_elses(store: Store, order: int) -> None:
    kinds = [("v1", None), ("v1", "A"), ("v2", None), ("v2", "B"), ("v3", None)]
    sent = told(
        store,
        order,
        *(
            wire(NOON + n * SECOND, anonymousId=visitor, userId=user)
            for n, (visitor, user) in enumerate(kinds)
        ),
    )
    assert of_user(store, "A") == sent[:2]
    assert of_user(store, "B") == sent[2:4]
    assert known(store, "A")["anonymousIds"] == ["v1"]


@pytest.mark.parametrize("order", ORDERS)
def test_an_alias_makes_one_person_of_two_users_on_all_their_devices(
    store: Store, order: int
) -> None:
    sent = told(
        store,
        order,
        wire(NOON, anonymousId="phone"),
        wire(NOON + SECOND, anonymousId="phone", userId="old"),
        wire(NOON + 2 * SECOND, anonymousId="laptop"),
        wire(NOON + 3 * SECOND, anonymousId="laptop", userId="new"),
        wire(NOON + 4 * SECOND, type="alias", anonymousId=None, userId="new", previousId="old"),
        wire(NOON + 5 * SECOND, anonymousId=None, userId="old"),
    )
    told(store, order, wire(anonymousId="v", userId="another"), wire(anonymousId="w"))
    assert of_user(store, "new") == of_user(store, "old") == sent
    new, old = known(store, "new"), known(store, "old")
    assert (new.pop("userId"), new.pop("aliases")) == ("new", ["old"])
    assert (old.pop("userId"), old.pop("aliases")) == ("old", ["new"])
    assert new == old
    assert new["anonymousIds"] == ["laptop", "phone"]


@pytest.mark.parametrize("order", ORDERS)
def test_aliases_go_through_any_number_of_steps_and_round(store: Store, order: int) -> None:
    users = ["a", "b", "c", "d"]
    aliases = [("b", "a"), ("b", "c"), ("d", "c"), ("a", "d")]
    sent = told(
        store,
        order,
        *(wire(NOON + n, anonymousId=None, userId=user) for n, user in enumerate(users)),
        *(
            wire(NOON + SECOND + n, type="alias", anonymousId=None, userId=one, previousId=other)
            for n, (one, other) in enumerate(aliases)
        ),
    )
    for user in users:
        assert of_user(store, user) == sent
        assert sorted(known(store, user)["aliases"]) == [other for other in users if other != user]


@pytest.mark.parametrize("order", ORDERS)
def test_the_other_id_of_an_alias_may_be_an_anonymous_one(store: Store, order: int) -> None:
    sent = told(
        store,
        order,
        wire(NOON, anonymousId="visitor"),
        wire(NOON + SECOND, type="alias", anonymousId=None, userId="u", previousId="visitor"),
        wire(NOON + 2 * SECOND, anonymousId="visitor"),
    )
    assert of_user(store, "u") == sent
    assert known(store, "u")["anonymousIds"] == ["visitor"]


def test_an_alias_with_oneself_changes_nothing(store: Store) -> None:
    sent = told(store, 0, wire(type="alias", userId="u", previousId="u"))
    assert of_user(store, "u") == sent
    assert known(store, "u")["aliases"] == []


def test_aliases_of_one_site_are_not_anothers(store: Store) -> None:
    store.append(received(wire(type="alias", userId="u", previousId="p"), site="other"))
    mine = told(store, 0, wire(userId="u"))
    assert of_user(store, "u") == mine


def test_who_aliases_everybody_gets_a_bounded_person(store: Store) -> None:
    told(
        store,
        0,
        *(
            wire(NOON + n, type="alias", anonymousId=None, userId="hub", previousId=f"u{n}")
            for n in range(MAX_USER_IDS + 5)
        ),
    )
    assert len(known(store, "hub")["aliases"]) == MAX_USER_IDS - 1


@pytest.mark.parametrize("order", ORDERS)
def test_traits_are_those_of_the_latest_event_whoever_they_were_said_of(
    store: Store, order: int
) -> None:
    def identify(second: int, traits: dict[str, Any], **ids: str | None) -> dict[str, Any]:
        return wire(NOON + second * SECOND, type="identify", traits=traits, **ids)

    told(
        store,
        order,
        identify(0, {"plan": "none", "source": "ad"}, anonymousId="v"),
        identify(1, {"plan": "free", "name": "Ada"}, anonymousId="v", userId="old"),
        identify(2, {"plan": "pro"}, anonymousId=None, userId="old"),
        identify(3, {"plan": "team", "seats": 3}, anonymousId=None, userId="new"),
        wire(NOON + 4 * SECOND, type="alias", userId="new", previousId="old"),
        identify(5, {"plan": "somebody else's"}, anonymousId="v", userId="other"),
    )
    expected = {"name": "Ada", "plan": "team", "seats": 3, "source": "ad"}
    assert known(store, "new")["traits"] == known(store, "old")["traits"] == expected
    assert known(store, "other")["traits"] == {"plan": "somebody else's"}


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_said_on_a_shared_computer_stays_with_whom_it_was_said_of(
    store: Store, order: int
) -> None:
    def identify(second: int, traits: dict[str, Any], **more: Any) -> dict[str, Any]:
        return wire(NOON + second * SECOND, type="identify", traits=traits, **more)

    told(
        store,
        order,
        identify(0, {"city": "Bern", "seen": 1}),
        identify(1, {"city": "Rome"}),
        wire(NOON + 2 * SECOND, userId="a"),
        identify(3, {"city": "Oslo"}),
        identify(4, {}, context={"traits": {"plan": "pro"}}),
        wire(NOON + 5 * SECOND, userId="b"),
    )
    assert known(store, "a")["traits"] == {"city": "Rome", "seen": 1}
    assert known(store, "b")["traits"] == {"city": "Oslo", "plan": "pro"}


@pytest.mark.parametrize("order", ORDERS)
def test_of_very_many_traits_those_said_last_are_kept(store: Store, order: int) -> None:
    """An item of DynamoDB's holds 400 KB: who had more could not be identified any more."""
    draw = random.Random(1)
    said = [
        {f"t{number:02}-{one}": f"{draw.getrandbits(4_000):x}" for one in range(10)}
        for number in range(60)
    ]
    told(
        store,
        order,
        *(
            wire(NOON + second * SECOND, type="identify", anonymousId=None, userId="u", traits=one)
            for second, one in enumerate(said)
        ),
    )
    assert len(of_user(store, "u")) == len(said), "the events are all there"
    newest = [pair for one in reversed(said) for pair in sorted(one.items(), reverse=True)]
    sizes = accumulate(len(name) + len(value) + 2 + traits.EACH for name, value in newest)
    kept = [pair for pair, size in zip(newest, sizes, strict=True) if size <= traits.MAX_BYTES]
    assert 200 < len(kept) < 500
    assert known(store, "u")["traits"] == dict(kept)


@pytest.mark.parametrize("order", ORDERS)
def test_a_profile_tells_counts_and_devices(store: Store, order: int) -> None:
    desktop = {"browser": {"name": "Firefox"}, "device": {"type": "desktop"}}
    told(
        store,
        order,
        wire(NOON - HOUR, context={"sessionId": "s1"}),
        wire(NOON - MINUTE, userId="u", context={"sessionId": "s1", "os": {"name": "old"}}),
        wire(NOON, userId="u", context={"sessionId": "s2", **desktop}),
        wire(NOON + SECOND, type="track", event="Paid", userId="u", anonymousId="phone"),
        wire(
            NOON + 2 * SECOND,
            type="identify",
            userId="u",
            anonymousId=None,
            traits={"plan": "pro"},
        ),
    )
    first, last = (timestamps.format(NOON + offset) for offset in (-HOUR, 2 * SECOND))
    phone, visitor = known(store, "u")["devices"]
    assert phone == {
        "anonymousId": "phone",
        "firstSeen": timestamps.format(NOON + SECOND),
        "lastSeen": timestamps.format(NOON + SECOND),
        "events": 1,
    }
    assert visitor == {
        "anonymousId": "v",
        "firstSeen": first,
        "lastSeen": timestamps.format(NOON),
        "events": 3,
        **desktop,
    }
    found = known(store, "u")
    del found["devices"]
    assert found == {
        "userId": "u",
        "aliases": [],
        "traits": {"plan": "pro"},
        "anonymousIds": ["phone", "v"],
        "firstSeen": first,
        "lastSeen": last,
        "counts": {"events": 5, "pageViews": 3, "sessions": 4},  # two have no name
    }
    assert profile(store, SITE, "nobody") is None


LONG = "x" * 250


def test_the_longest_ids_are_linked_and_aliased(store: Store) -> None:
    visitor, user, other = (name + LONG for name in "vuo")
    emoji = "\U0001f600" * 256  # 1 024 bytes
    sent = told(
        store,
        0,
        wire(NOON, anonymousId=visitor),
        wire(NOON + 1, anonymousId=visitor, userId=user),
        wire(NOON + 2, type="alias", anonymousId=None, userId=user, previousId=other),
        wire(NOON + 3, type="alias", anonymousId=None, userId=emoji, previousId=other),
        wire(NOON + 4, anonymousId=emoji, userId=other),
    )
    assert of_user(store, emoji) == of_user(store, other) == of_user(store, user) == sent
