"""The floor: Chalice, and one botocore client that makes the one call a job cannot do without."""

import time

began = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import botocore.session  # noqa: E402
import chalice  # noqa: E402, F401

imported = time.perf_counter()
service, operation, parameters = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client: Any = botocore.session.get_session().create_client(service)
client._make_api_call(operation, parameters)  # noqa: SLF001  (as each of a client's methods does)
answered = time.perf_counter()
sys.stdout.write(json.dumps([1000 * (imported - began), 1000 * (answered - began)]))
