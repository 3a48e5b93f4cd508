"""An entry of the Lambdas, cold: the app, and its answer to one event."""

import time

began = time.perf_counter()

import app  # noqa: E402

imported = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402


class Context:
    """What Lambda tells an invocation."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


function, event = sys.argv[1], json.loads(sys.argv[2])
asked = time.perf_counter()
answer = getattr(app, function)(event, Context())
answered = time.perf_counter()
failed = answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200
if failed:
    sys.exit(f"the answer is {answer}")
sys.stdout.write(
    "\n" + json.dumps([1000 * (imported - began), 1000 * (answered - asked + imported - began)])
)
