"""The CloudFormation template, ``resources.json``, and its two uses.

As ``--merge-template`` of ``chalice package`` it is used whole: what Chalice makes and the rest
are one stack. `provision` makes only the rest. The resources without a ``Type`` are Chalice's
own, with what Chalice cannot say of them.
"""

from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).parent / "resources.json"

Template = dict[str, Any]


def whole() -> Template:
    """The template as it stands in the file."""
    return msgspec.json.decode(FILE.read_bytes(), type=Template)


def provisioned() -> Template:
    """The template without what it says of Chalice's resources."""
    template = whole()
    resources = template["Resources"]
    template["Resources"] = {
        name: resource for name, resource in resources.items() if "Type" in resource
    }
    return template


_NAMED = {"AWS::DynamoDB::Table": "TableName", "AWS::Logs::LogGroup": "LogGroupName"}
"""What may be there before its stack is: type → the property that names it."""


def with_literal_names(template: Template, name: str) -> Template:
    """The template, changed: CloudFormation takes what exists into a stack only by a name that is
    written out (``ImportExistingResources``)."""
    for resource in template["Resources"].values():
        if naming := _NAMED.get(resource["Type"]):
            properties = resource["Properties"]
            properties[naming] = properties[naming]["Fn::Sub"].replace("${Name}", name)
    return template


def of_chalice(name: str) -> dict[str, Any]:
    """The properties that the template adds to one of Chalice's resources."""
    properties: dict[str, Any] = whole()["Resources"][name]["Properties"]
    return properties
