"""Clients of AWS's own SDK, made with the least work: a cold Lambda waits for each.

botocore alone, without boto3: that would be another package to ship and to import. What botocore
does, it does; only its reading of its own data is made faster, by the means it offers for that.
"""

import gzip
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.loaders import JSONFileLoader, Loader


class _FileLoader(JSONFileLoader):
    """Decodes the same files in a third of the time: the list of all endpoints has a megabyte."""

    def load_file(self, file_path: str) -> Any:
        """What a file holds, given its path without the extension; ``None`` if there is none."""
        for path in (Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")):
            if path.is_file():
                content = path.read_bytes()
                packed = path.suffix == ".gz"
                return msgspec.json.decode(gzip.decompress(content) if packed else content)
        return None


class _Loader(Loader):
    """Reads botocore's data about one service.

    To find out whether there is such a service, botocore looks into the folder of each of some 400,
    twice: a quarter of the time that a client takes.
    """

    FILE_LOADER_CLASS = _FileLoader

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return [self._service]


def client(service: str, config: Config) -> Any:
    """A client of a service, reached as the SDK's own environment variables say."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _Loader(service))
    made: Any = session.create_client(service, config=config)
    made.meta.events.register("after-call", _refuse_half)
    return made


def _refuse_half(http_response: Any, **_: object) -> None:
    """botocore takes an answer that breaks off for an empty one, in which nothing is said to be
    left undone: what a batch has not done would count as done."""
    told = http_response.headers.get("content-length")
    if told is not None and len(http_response.content) < int(told):
        raise ConnectionClosedError(endpoint_url=http_response.url)
