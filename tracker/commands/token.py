"""Make a read token; where the folder holds keys, it is added to them."""

import argparse

from tracker import keyring, stages
from tracker.config import ALL_SITES, Config, hash_token
from tracker.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``token`` takes."""
    parser.add_argument(
        "--site", help=f"the site it reads (default: the only one); {ALL_SITES}: all"
    )


def run(given: argparse.Namespace, settings: Config) -> int:
    """Make one, and say where its hash goes."""
    site = given.site or _only_site(settings)
    if site != ALL_SITES and settings.keys.sites and site not in settings.keys.sites:
        known = ", ".join(settings.keys.sites)
        raise ConfigError(f"there is no site {site!r}: give one of {known}, or {ALL_SITES}")
    token = keyring.new_read_token()
    print(f"Read token for site {site}: {token}")
    if given.stage is not None:
        stages.add_read_token(given.stage, hash_token(token), site)
        print(
            f"Its hash is added to {stages.FILE}: `python -m tracker deploy --stage {given.stage}`"
        )
        print("makes it known.")
        return 0
    kept = keyring.load(settings.folder)
    if kept is not None:
        keyring.add_read_token(settings.folder, kept, hash_token(token), site)
        print(f"Its hash is added to {settings.folder / keyring.FILE}: a server on this folder")
        print("knows it from its next start on.")
    print("For other servers, add to TRACKER_READ_TOKENS:")
    print(f'  {{"{hash_token(token)}": "{site}"}}')
    return 0


def _only_site(settings: Config) -> str:
    sites = settings.site_names
    if len(sites) > 1:
        raise ConfigError(f"which site? Give --site with one of {', '.join(sites)}, or {ALL_SITES}")
    return sites[0]
