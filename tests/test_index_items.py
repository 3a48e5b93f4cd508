"""Items of the DynamoDB index that several write at once."""

import pytest

from tracker.stores import Store
from tracker.stores.dynamodb import index_items
from tracker.stores.dynamodb.store import DynamoDbStore

PLACE = ("somebody", "traits")


@pytest.mark.parametrize("store", ["dynamodb_local"], indirect=True)
def test_what_was_removed_and_made_again_is_not_what_was_read(store: Store) -> None:
    assert isinstance(store, DynamoDbStore)
    model = store.tables.others
    assert index_items.save(model, index_items.get(model, PLACE), b"first", expires=None)
    read = index_items.get(model, PLACE)
    assert index_items.delete(model, index_items.get(model, PLACE))
    assert index_items.save(model, index_items.get(model, PLACE), b"second", expires=None)
    assert not index_items.save(model, read, b"from what is gone", expires=None)
    assert not index_items.delete(model, read)
    assert index_items.get(model, PLACE).body == b"second"
