"""How many connections the embedded host holds open: as many as the system gives it files for."""

import resource

MOST = 16_384
"""An open connection that says nothing costs some kilobytes."""

_FILES = 128
"""What is left for the queue's and the store's files, and for the consumer's."""


def most() -> int:
    """Raise this process's limit of open files as far as it may be raised, and tell how many of
    them may be connections. Those beyond wait until others have ended: taken without a file to
    spare, they would stop the queue and the store from working."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + _FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST
    return max(1, min(MOST, soft - _FILES))
