"""Go back to what was deployed before: one version each time it is run."""

import argparse

from tracker.aws import chalice, functions, proof, provisioning, releases
from tracker.commands import deploy, dialogue
from tracker.commands.dialogue import say
from tracker.errors import DeploymentError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``rollback`` takes."""
    dialogue.add_stage(parser)


def run(given: argparse.Namespace) -> int:
    """Go back, and see that it works. Events that wait in the queue stay there meanwhile."""
    project, _, stack = dialogue.go_there(given)
    if provisioning.RELEASE in stack.outputs():
        release = releases.before(stack)
        say(f"Back to release {release.name}:")
        deploy.apply_release(stack, release, {"Name": stack.name}, yes=given.yes)
        api = releases.api(stack)
    else:
        deployed = chalice.deployed(given.stage, project)
        if not deployed:
            raise DeploymentError(
                f"stage {given.stage} is not deployed from this folder: nothing to go back from"
            )
        versions = functions.before(deployed)
        for version in versions:
            say(f"  {version.function}: back to version {version.number}, of {version.made}")
        dialogue.ask("Go back? [yes/no]", yes=given.yes)
        functions.go_back(deployed, versions, project / chalice.PACKAGES)
        api = functions.api(deployed)
    proof.answers(api)
    deploy.prove(api, given.stage, project)
    return 0
