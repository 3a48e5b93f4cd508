"""Clients of other makers, run unmodified: what they need, and programs that use them."""
