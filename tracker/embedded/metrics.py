"""What the embedded server tells of itself at `/metrics`: counts since its start, and the queue."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from tracker.embedded import folder
from tracker.embedded.prometheus import CONTENT_TYPE, Family, Histogram, page
from tracker.errors import Unavailable
from tracker.http import Request, Response
from tracker.parts import Parts

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS = frozenset(("GET", "HEAD", "POST", "DELETE", "OPTIONS"))

Consumed = Callable[[], Mapping[str, int]]
"""How many events were ``stored``, ``duplicates`` and ``failed``, and how often the consumer came
to its ``starts``."""


class ServerMetrics:
    """Counts in the server's event loop, told from any thread."""

    def __init__(self, consumed: Consumed) -> None:
        self._consumed = consumed
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._seconds: defaultdict[tuple[str, str], Histogram] = defaultdict(_histogram)
        self._accepted = self._rejected = 0

    def answered(self, request: Request, status: int, seconds: float) -> None:
        """Count an answer, by its route: a path may hold anything."""
        method = request.method if request.method in _METHODS else "OTHER"
        self._answers[method, request.route, status] += 1
        self._seconds[method, request.route].add(seconds)

    def taken(self, accepted: int, rejected: int) -> None:
        """Count the events of a request."""
        self._accepted += accepted
        self._rejected += rejected

    def page(self, parts: Parts) -> Response:
        """The answer to Prometheus."""
        families = (*self._of_requests(), *self._of_events(), *_of_queue(parts))
        return Response(200, page(families), {"content-type": CONTENT_TYPE})

    def _of_requests(self) -> Iterator[Family]:
        yield Family(
            "tracker_requests_total",
            "counter",
            "Answers, by route and status; no route: nothing is there.",
            [
                ({"method": method, "route": route, "status": str(status)}, count)
                for (method, route, status), count in list(self._answers.items())
            ],
        )
        yield Family(
            "tracker_request_duration_seconds",
            "histogram",
            "From a request's head to its answer, which is durable then.",
            [
                ({"method": method, "route": route}, histogram)
                for (method, route), histogram in list(self._seconds.items())
            ],
        )

    def _of_events(self) -> Iterator[Family]:
        consumed = self._consumed()
        for name, says, count in (
            ("events_accepted", "Events that were queued.", self._accepted),
            ("events_rejected", "Events that break a rule, kept with why.", self._rejected),
            ("events_stored", "Events that were stored.", consumed["stored"]),
            ("events_duplicate", "Events that were there already.", consumed["duplicates"]),
            ("events_failed", "Events that became failed events.", consumed["failed"]),
            ("consumer_starts", "More than one: it has died meanwhile.", consumed["starts"]),
        ):
            yield Family(f"tracker_{name}_total", "counter", says, [({}, count)])


def _of_queue(parts: Parts) -> Iterator[Family]:
    free = folder.free_bytes(parts.config.folder)
    yield Family("tracker_disk_free_bytes", "gauge", "Room for queue and store.", [({}, free)])
    try:
        depth = parts.queue.depth()
    except Unavailable:  # what is not known is left out; the rest is worth telling
        return
    oldest = depth.oldest_seconds
    if oldest is None and not depth.waiting + depth.in_flight:
        oldest = 0.0
    for name, says, value in (
        ("waiting", "Messages (requests' events) that wait for the consumer.", depth.waiting),
        ("in_flight", "Messages that are being stored.", depth.in_flight),
        ("dead_letters", "Messages that nobody could store.", depth.dead),
        ("oldest_seconds", "The age of the oldest that is not stored.", oldest),
    ):
        if value is not None:
            yield Family(f"tracker_queue_{name}", "gauge", says, [({}, value)])


def _histogram() -> Histogram:
    return Histogram(SECONDS)
