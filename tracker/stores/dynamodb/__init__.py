"""The store as two DynamoDB tables: `store.py` is its face, `models.py` has their layout."""
