"""What every queue promises, on every queue that ships."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import aws
from tests.engines.engine import aws_environment
from tests.engines.eventually import eventually
from tracker.errors import QueueUnavailable
from tracker.queues import Message, Queue
from tracker.queues.sqlite import SqliteQueue
from tracker.queues.sqs import SqsQueue

VISIBILITY_SECONDS = 1
MAX_RECEIVES = 2
WAIT = 5.0

MakeQueue = Callable[[], Queue]


@pytest.fixture(params=["sqlite", "sqs"])
def new_queue(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[float], MakeQueue]:
    """Makes a queue that hides messages for so many seconds."""

    def make(visibility_seconds: float) -> MakeQueue:
        if request.param == "sqs":
            aws.use(request.getfixturevalue("ministack"), monkeypatch)
            url = aws.make_queue(int(visibility_seconds), MAX_RECEIVES)
            return lambda: SqsQueue(url)
        path = tmp_path / "queue.db"
        return lambda: SqliteQueue(
            path, visibility_seconds=visibility_seconds, max_receives=MAX_RECEIVES
        )

    return make


@pytest.fixture
def make_queue(new_queue: Callable[[float], MakeQueue]) -> MakeQueue:
    """Opens one and the same queue, as often as it is called."""
    return new_queue(VISIBILITY_SECONDS)


@pytest.fixture
def queue(make_queue: MakeQueue) -> Queue:
    return make_queue()


def receive_all(queue: Queue, count: int) -> list[Message]:
    found: list[Message] = []

    def enough() -> bool:
        found.extend(queue.receive(100, 1.0))
        return len(found) >= count

    eventually(enough)
    return found


def test_what_is_sent_is_received_by_another_process_of_the_queue(make_queue: MakeQueue) -> None:
    bodies = [f'{{"n":{n}}}'.encode() for n in range(25)]
    make_queue().send(bodies)
    assert sorted(m.body for m in receive_all(make_queue(), 25)) == sorted(bodies)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":1}', id="plain"),
        pytest.param(b"{" + b"a" * 400_000, id="large"),
        pytest.param('{"é":"\uffff"}'.encode(), id="characters that SQS refuses"),
        pytest.param(bytes(range(256)) * 2000, id="any bytes"),
    ],
)
def test_a_body_comes_back_as_it_was_sent(queue: Queue, body: bytes) -> None:
    queue.send([body])
    assert [m.body for m in queue.receive(10, WAIT)] == [body]


def test_a_received_message_is_hidden_and_then_comes_again(queue: Queue) -> None:
    queue.send([b"{}"])
    (first,) = queue.receive(10, WAIT)
    assert first.receives == 1
    assert queue.receive(10, 0) == []
    assert queue.depth()[:2] == (0, 1)
    (again,) = queue.receive(10, WAIT)
    assert (again.body, again.receives) == (b"{}", 2)


def test_a_deleted_message_does_not_come_again(queue: Queue) -> None:
    queue.send([b'{"n":%d}' % n for n in range(25)])
    messages = receive_all(queue, 25)
    queue.delete([message.receipt for message in messages])
    assert eventually(lambda: queue.depth()[:3] == (0, 0, 0))
    assert queue.receive(10, VISIBILITY_SECONDS * 2) == []


def test_a_released_message_does_not_stay_hidden(
    new_queue: Callable[[float], MakeQueue],
) -> None:
    queue = new_queue(3600)()
    queue.send([b"{}"])
    (first,) = queue.receive(10, WAIT)
    queue.release([first.receipt])
    assert [message.body for message in queue.receive(10, WAIT)] == [b"{}"]


def test_a_receipt_that_is_no_longer_good_stops_nobody(queue: Queue) -> None:
    queue.send([b"{}"])
    (late,) = queue.receive(10, WAIT)
    (again,) = queue.receive(10, WAIT)  # its hidden time was over
    queue.delete([again.receipt])
    queue.delete([late.receipt])
    queue.release([late.receipt])
    assert queue.receive(10, 0) == []


def test_a_message_that_is_never_done_goes_to_the_dead_letters(queue: Queue) -> None:
    queue.send([b'{"poison":true}'])

    def dead() -> bool:
        queue.receive(10, 0.5)
        return queue.depth()[:3] == (0, 0, 1)

    eventually(dead)


def die(queue: Queue, count: int) -> None:
    """Receive what is queued so often that it is given up."""

    def dead() -> bool:
        queue.receive(10, 0.5)
        return queue.depth().dead == count

    eventually(dead)


def test_dead_letters_come_again_as_if_they_were_never_received(make_queue: MakeQueue) -> None:
    queue = make_queue()
    bodies = [b'{"n":%d}' % n for n in range(12)]
    queue.send(bodies)
    die(queue, 12)
    assert sum(make_queue().redrive()) == 12
    assert queue.depth().dead == 0
    again = receive_all(queue, 12)
    assert sorted(message.body for message in again) == sorted(bodies)
    assert {message.receives for message in again} == {1}
    assert list(queue.redrive()) == []


def test_what_dies_again_while_dead_letters_are_moved_is_not_moved_again(queue: Queue) -> None:
    queue.send([b"{}"])
    die(queue, 1)
    moves = queue.redrive()
    assert next(moves) == 1
    die(queue, 1)
    assert list(moves) == []
    assert eventually(lambda: queue.depth().dead == 1)


def test_dead_letters_moved_by_two_at_once_are_all_there(make_queue: MakeQueue) -> None:
    queue = make_queue()
    bodies = [b'{"n":%d}' % n for n in range(40)]
    queue.send(bodies)
    die(queue, 40)
    threads = [threading.Thread(target=list, args=(make_queue().redrive(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queue.depth().dead == 0
    assert {message.body for message in receive_all(queue, 40)} == set(bodies)


def test_a_move_that_stops_half_way_loses_nothing(make_queue: MakeQueue) -> None:
    queue = make_queue()
    bodies = [b'{"n":%d}' % n for n in range(120)]
    queue.send(bodies)
    die(queue, 120)
    moved = next(make_queue().redrive())
    assert 0 < moved < 120
    assert queue.depth().dead == 120 - moved
    assert moved + sum(make_queue().redrive()) == 120
    assert {message.body for message in receive_all(queue, 120)} == set(bodies)


def test_two_consumers_do_not_get_the_same_message(
    new_queue: Callable[[float], MakeQueue],
) -> None:
    make_queue = new_queue(3600)
    make_queue().send([b'{"n":%d}' % n for n in range(100)])
    found: list[bytes] = []

    def consume(queue: Queue) -> None:
        while messages := queue.receive(10, 0.3):
            queue.delete([message.receipt for message in messages])
            found.extend(message.body for message in messages)

    threads = [threading.Thread(target=consume, args=(make_queue(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(b'{"n":%d}' % n for n in range(100))


def test_depth_tells_what_waits(queue: Queue) -> None:
    queue.send([b"{}", b"{}"])
    assert eventually(lambda: queue.depth().waiting == 2)


def test_a_queue_that_cannot_be_reached_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for name, value in aws_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    folder_is_a_file = SqliteQueue(tmp_path / "file" / "queue.db")
    for queue in (folder_is_a_file, SqsQueue("http://127.0.0.1:9/1/queue")):
        with pytest.raises(QueueUnavailable):
            queue.send([b"{}"])


def test_an_idle_queue_holds_nothing_of_what_was_deleted(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    queue.send([b"secret" * 5000] * 50)
    queue.delete([message.receipt for message in queue.receive(100, 0)])
    queue.send([b"kept"])
    assert [message.body for message in queue.receive(10, 0)] == [b"kept"]
    assert queue.receive(10, 0) == []
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.iterdir())
    assert queue.depth()[:2] == (0, 1)


def test_a_message_whose_consumers_are_killed_as_they_start_is_not_set_aside(
    tmp_path: Path,
) -> None:
    queue = SqliteQueue(tmp_path / "queue.db")
    queue.send([b"first"])
    for _ in range(50):
        queue.show_hidden()  # as a consumer does that starts
        assert [message.body for message in queue.receive(1, 0)] == [b"first"]
    assert queue.depth().dead == 0


def test_messages_hidden_under_a_clock_that_was_put_back_come_again(tmp_path: Path) -> None:
    hour = 3600 * 1_000_000
    path = tmp_path / "queue.db"
    queue = SqliteQueue(path, clock=lambda: 10 * hour)
    queue.send([b"{}"])
    assert len(queue.receive(1, 0)) == 1
    assert len(SqliteQueue(path, clock=lambda: 2 * hour).receive(1, 0)) == 1


def test_a_clock_that_lags_a_little_does_not_show_what_another_consumer_just_took(
    tmp_path: Path,
) -> None:
    path = tmp_path / "queue.db"
    queue = SqliteQueue(path, clock=lambda: 10_000_000)
    queue.send([b"{}"])
    assert len(queue.receive(1, 0)) == 1
    assert SqliteQueue(path, clock=lambda: 9_999_000).receive(1, 0) == []
