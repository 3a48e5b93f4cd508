"""One CloudFormation stack: planned as a change set, applied, watched event by event."""

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tracker.aws.account import client, explained, is_code
from tracker.errors import DeploymentError

_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0)
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_HALF_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
"""What a first creation that failed leaves behind: such a stack can only be deleted."""
_NO_STACK = {None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}


class Change(NamedTuple):
    """What would happen to one resource."""

    action: str
    """``Add``, ``Modify``, ``Remove`` or ``Import``."""
    resource: str
    kind: str
    replaced: bool


class Plan(NamedTuple):
    """A change set that can be applied."""

    id: str
    changes: list[Change]


class Progress(NamedTuple):
    """One event of a stack's change."""

    resource: str
    status: str
    reason: str


class Stack:
    """A stack, by its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._cloudformation = client("cloudformation")

    def status(self) -> str | None:
        """CloudFormation's word for its state; ``None`` where there is no such stack."""
        description = self._describe()
        return None if description is None else str(description["StackStatus"])

    def exists(self) -> bool:
        """Whether it holds anything."""
        return self.status() not in _NO_STACK

    def outputs(self) -> dict[str, str]:
        """Its outputs, none where there is no such stack."""
        listed = (self._describe() or {}).get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in listed}

    def resources(self) -> dict[str, str]:
        """Logical id → the name in AWS."""
        with explained():
            found = self._cloudformation.describe_stack_resources(StackName=self.name)
        return {
            resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
            for resource in found["StackResources"]
        }

    def refuse_foreign(self) -> None:
        """Raise `DeploymentError` where a stack of this name was not made for the tracker."""
        description = self._describe()
        if description is None or description["StackStatus"] in _NO_STACK:
            return
        parameters = description.get("Parameters", [])
        if not any(
            (known["ParameterKey"], known["ParameterValue"]) == ("Name", self.name)
            for known in parameters
        ):
            raise DeploymentError(
                f"there is a stack {self.name} that is not the tracker's: choose another --stage,"
                " or another app_name in .chalice/config.json"
            )

    def is_half_made(self) -> bool:
        """Whether its first creation failed, so that it has to be deleted before the next."""
        return self.status() in _HALF_MADE

    def plan(
        self, body: str, parameters: Mapping[str, str], *, url: str | None = None
    ) -> Plan | None:
        """What it takes to bring the stack to a template; ``None``: nothing.

        ``url`` is where the body stands in S3, if it does: one of more than 51 200 bytes must.
        """
        status = self.status()
        self._refuse(status)
        new = status in _NO_STACK
        name = f"tracker-{secrets.token_hex(6)}"
        template = {"TemplateURL": url} if url else {"TemplateBody": body}
        with explained():
            made = self._cloudformation.create_change_set(
                StackName=self.name,
                ChangeSetName=name,
                ChangeSetType="CREATE" if new else "UPDATE",
                Capabilities=_CAPABILITIES,
                # Tables that an earlier `destroy` has kept are taken into the stack again.
                ImportExistingResources=True,
                Parameters=self._parameters(body, parameters, new=new),
                **template,
            )
            return self._planned(made["Id"])

    def _refuse(self, status: str | None) -> None:
        if status == "UPDATE_ROLLBACK_FAILED":
            raise DeploymentError(
                f"stack {self.name} is stuck half-way back from an update: run"
                f" `aws cloudformation continue-update-rollback --stack-name {self.name}`, then"
                " repeat this"
            )
        if status in _HALF_MADE:
            raise DeploymentError(f"stack {self.name} is half-made ({status}): delete it first")
        if status and status.endswith("_IN_PROGRESS") and status not in _NO_STACK:
            raise DeploymentError(
                f"stack {self.name} is being changed right now ({status}): wait until that is"
                " over, then repeat this"
            )

    def _parameters(
        self, body: str, given: Mapping[str, str], *, new: bool
    ) -> list[dict[str, str | bool]]:
        """The given ones; of the others, those the stack has keep their value."""
        had = set()
        if not new:
            described = (self._describe() or {}).get("Parameters", [])
            had = {parameter["ParameterKey"] for parameter in described}
        kept = sorted(name for name in had - set(given) if f'"{name}"' in body)
        return [
            *({"ParameterKey": name, "ParameterValue": value} for name, value in given.items()),
            *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
        ]

    def _planned(self, change_set: str) -> Plan | None:
        for pause in _pauses():
            told = self._cloudformation.describe_change_set(ChangeSetName=change_set)
            if told["Status"] == "CREATE_COMPLETE":
                break
            if told["Status"] == "FAILED":
                self.discard(Plan(change_set, []))
                why = told.get("StatusReason", "")
                if "didn't contain changes" in why or "No updates" in why:
                    return None
                raise DeploymentError(f"CloudFormation cannot plan stack {self.name}: {why}")
            time.sleep(pause)
        changes = [_change(told["ResourceChange"]) for told in self._changes(change_set)]
        return Plan(change_set, changes)

    def _changes(self, change_set: str) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self._cloudformation.describe_change_set(ChangeSetName=change_set, **more)
            yield from page["Changes"]
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def discard(self, plan: Plan) -> None:
        """Forget a plan, and the empty stack it may have made."""
        with explained():
            self._cloudformation.delete_change_set(ChangeSetName=plan.id)
            if self.status() == "REVIEW_IN_PROGRESS":
                self._cloudformation.delete_stack(StackName=self.name)

    def apply(self, plan: Plan) -> Iterator[Progress]:
        """Apply a plan, telling each event. Raises `DeploymentError`, with the resource that
        failed and the reason: then the stack is back at what it was."""
        seen = {event["EventId"] for event in self._events()}
        with explained():
            self._cloudformation.execute_change_set(ChangeSetName=plan.id)
        yield from self._watch(self.name, seen)

    def delete(self) -> Iterator[Progress]:
        """Delete the stack; its tables stay."""
        description = self._describe()
        if description is None:
            return
        seen = {event["EventId"] for event in self._events()}
        with explained():
            self._cloudformation.delete_stack(StackName=self.name)
        # A deleted stack is only found by its id.
        yield from self._watch(description["StackId"], seen)

    def _watch(self, stack: str, seen: set[str]) -> Iterator[Progress]:
        """Tell the events that are new, up to the stack's own last one."""
        failure = ""
        for pause in _pauses():
            for event in reversed(list(self._events(stack))):
                if event["EventId"] in seen:
                    continue
                seen.add(event["EventId"])
                told = _progress(event)
                yield told
                if not failure and told.status.endswith("_FAILED"):
                    failure = f"{told.resource}: {told.reason or told.status}"
                if event.get("PhysicalResourceId") != event["StackId"]:
                    continue
                if told.status.endswith("_IN_PROGRESS"):
                    continue
                if "ROLLBACK" in told.status or told.status.endswith("_FAILED"):
                    raise DeploymentError(
                        f"stack {self.name}: {failure or told.status} {_after(told.status)}"
                    )
                return
            time.sleep(pause)

    def _events(self, stack: str | None = None) -> Iterator[dict[str, Any]]:
        with explained():
            pages = self._cloudformation.get_paginator("describe_stack_events")
            for page in pages.paginate(StackName=stack or self.name):
                yield from page["StackEvents"]

    def _describe(self, stack: str | None = None) -> dict[str, Any] | None:
        with explained():
            try:
                (found,) = self._cloudformation.describe_stacks(StackName=stack or self.name)[
                    "Stacks"
                ]
            except ClientError as error:
                if is_code(error, "ValidationError"):  # "Stack with id … does not exist"
                    return None
                raise
        description: dict[str, Any] = found
        return description


def _pauses() -> Iterator[float]:
    yield from _POLL_SECONDS
    while True:
        yield _POLL_SECONDS[-1]


def _change(told: dict[str, Any]) -> Change:
    return Change(
        told["Action"],
        told["LogicalResourceId"],
        told["ResourceType"],
        told.get("Replacement") in ("True", "Conditional"),
    )


def _progress(event: dict[str, Any]) -> Progress:
    return Progress(
        event["LogicalResourceId"],
        event["ResourceStatus"],
        event.get("ResourceStatusReason", ""),
    )


def _after(status: str) -> str:
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return "(everything is as it was before, and runs)"
    if status == "ROLLBACK_COMPLETE":
        return "(what was made is removed again; mend the cause, then repeat this)"
    return f"(the stack is left as {status}: mend the cause, then repeat this)"
