"""Makes the calls of each line of standard input with segment-analytics-python, as set up by the
lines of docs/clients.md; answers with what the library reported as failed."""

import json
import sys
from typing import Any

from documented import analytics  # type: ignore[import-not-found]

failed: list[str] = []


def on_error(error: Exception, _events: list[dict[str, Any]]) -> None:
    failed.append(str(error))


analytics.on_error = on_error
for line in sys.stdin:
    for method, arguments in json.loads(line):
        try:
            getattr(analytics, method)(**arguments)
        except RuntimeError as error:  # the event is too large
            failed.append(str(error.args[0]))
    analytics.flush()
    sys.stdout.write(json.dumps(failed) + "\n")
    sys.stdout.flush()
    failed.clear()
