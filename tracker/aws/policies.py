"""The functions' policies: for CloudFormation as they stand, for Chalice with real names.

``.chalice/policy-*.json`` speak of resources as a template does (``Fn::GetAtt``, ``Fn::Sub``), so
that ``chalice package`` can put them into the stack. ``chalice deploy`` hands a policy file to
IAM as it is: for that, `render` puts the ARNs in.
"""

import re
from collections.abc import Mapping
from typing import Any

from tracker.errors import ConfigError

_REFERENCE = re.compile(r"\$\{([^}]+)\}")


def render(policy: Any, arns: Mapping[str, str], names: Mapping[str, str]) -> Any:
    """The policy with ``Fn::GetAtt`` and ``Fn::Sub`` resolved.

    ``arns``: logical id → ARN; ``names``: what ``${…}`` stands for.
    """
    match policy:
        case {"Fn::GetAtt": [str(resource), "Arn"]}:
            return _look_up(arns, resource)
        case {"Fn::Sub": str(text)}:
            return _REFERENCE.sub(lambda found: _look_up(names, found[1]), text)
        case dict():
            return {key: render(value, arns, names) for key, value in policy.items()}
        case list():
            return [render(value, arns, names) for value in policy]
        case _:
            return policy


def _look_up(known: Mapping[str, str], name: str) -> str:
    try:
        return known[name]
    except KeyError:
        raise ConfigError(
            f"a policy file speaks of {name!r}, which the template does not have"
        ) from None
