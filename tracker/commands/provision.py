"""Make or update the queue, the tables and the alarms of a stage on AWS."""

import argparse

from tracker import stages
from tracker.aws import provisioning
from tracker.aws.stack import Stack
from tracker.commands import dialogue
from tracker.commands.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``provision`` takes."""
    dialogue.add_stage(parser)
    add_parameters(parser)


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """What can be set of the stack; what is left out stays as it was."""
    parser.add_argument("--alarm-topic", metavar="ARN", help="an SNS topic that the alarms tell")
    parser.add_argument(
        "--log-retention-days", metavar="DAYS", help="how long the functions' logs are kept"
    )
    parser.add_argument(
        "--table-key",
        choices=["aws-owned", "aws-managed"],
        help="what encrypts the tables: DynamoDB's own key, or the account's in KMS (billed)",
    )


def parameters(given: argparse.Namespace, stack: Stack) -> dict[str, str]:
    """The stack's parameters."""
    set_ones = {
        "AlarmTopic": given.alarm_topic,
        "LogRetentionDays": given.log_retention_days,
        "TableKey": given.table_key,
    }
    return {"Name": stack.name} | {k: v for k, v in set_ones.items() if v is not None}


def run(given: argparse.Namespace) -> int:
    """Make it, and write what the functions need into ``.chalice``."""
    provision(given)
    say(f"Now `chalice deploy --stage {given.stage}`; or, with a proof that it works:")
    say(f"  python -m tracker deploy --stage {given.stage}")
    return 0


def provision(given: argparse.Namespace) -> Stack:
    """The stack, brought to the template."""
    project, where, stack = dialogue.go_there(given)
    provisioning.refuse_one_stack(stack)
    provisioning.check(given.stage, stack, project)
    dialogue.remove_half_made(stack, yes=given.yes)
    plan = stack.plan(provisioning.body(stack.name), parameters(given, stack))
    if plan is None:
        say(f"Stack {stack.name} is as it should be.")
    else:
        dialogue.apply(stack, plan, yes=given.yes)
    policy_files = provisioning.write_policies(given.stage, stack.name, where, project)
    token = provisioning.write_settings(given.stage, stack.outputs(), policy_files, project)
    say(f"The settings of stage {given.stage} are in {stages.FILE}.")
    if token:
        say(f"A read token for it, shown this once (only its hash is kept): {token}")
    return stack
