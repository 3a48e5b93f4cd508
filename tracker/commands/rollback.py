"""Go back to what was deployed before: one version each time it is run."""

import argparse

from tracker.aws import chalice, functions, kept, proof, provisioning, releases
from tracker.commands import deploy, dialogue
from tracker.commands.terminal import say
from tracker.errors import DeploymentError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``rollback`` takes."""
    dialogue.add_stage(parser)


def run(given: argparse.Namespace) -> int:
    """Go back, and see that it works. Events that wait in the queue stay there meanwhile."""
    project, _, stack = dialogue.go_there(given)
    if provisioning.is_one_stack(stack):
        release = releases.before(stack)
        say(f"Back to release {release.name}:")
        deploy.apply_release(stack, release, {"Name": stack.name}, yes=given.yes)
        api = releases.api(stack)
    else:
        deployed = chalice.deployed(given.stage, project)
        functions.refuse_unrecorded(stack.name, deployed, stack)
        if not deployed:
            raise DeploymentError(f"stage {given.stage} is not deployed: nothing to go back from")
        parts = functions.parts(deployed)
        earlier = kept.before(parts)
        say(f"Back to release {earlier.id}:")
        counter = f", {parts.counter} to {earlier.counter}" if earlier.counter else ""
        consumer = f"{parts.consumer} to {earlier.consumer}"
        say(f"  {parts.api} to version {earlier.api}, {consumer}{counter}")
        dialogue.ask("Go back? [yes/no]", yes=given.yes)
        kept.go_back(parts, earlier, project / chalice.PACKAGES)
        api = functions.api(deployed)
    if provisioning.has_check_keys(given.stage, project):
        deploy.prove(api, given.stage, project)
    else:  # deployed from another machine, with keys that only that one knows
        proof.answers(api)
        say("It answers that its queue and its tables work.")
    return 0
