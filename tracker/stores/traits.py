"""How much is kept of what was said of one person: what was said last, up to a bound.

Whoever holds a write key may say what they like of anybody. An item of DynamoDB's holds 400 KB, and
a user whose traits do not fit into one could not be identified any more.
"""

from collections.abc import Mapping

import msgspec

from tracker.stores import Trait

MAX_BYTES = 256 * 1024
EACH = 32
"""What a trait counts for, beside its name and its value as JSON."""


def latest(traits: Mapping[str, Trait]) -> dict[str, Trait]:
    """Those that are kept."""
    left = MAX_BYTES
    kept: dict[str, Trait] = {}
    for name in sorted(traits, key=lambda name: (traits[name].position, name), reverse=True):
        left -= len(name.encode()) + len(msgspec.json.encode(traits[name].value)) + EACH
        if left < 0:
            break
        kept[name] = traits[name]
    return kept
