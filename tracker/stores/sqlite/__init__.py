"""The store as one SQLite file: `store.py` is its face."""
