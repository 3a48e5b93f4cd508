"""A made-up history, that looks like a small shop's: what to try the read side on.

It follows from its `Plan` alone: the same plan gives the same messages again, and so adds nothing
to a store that has them.
"""

from tracker.seed.history import History, Plan

__all__ = ["History", "Plan"]
