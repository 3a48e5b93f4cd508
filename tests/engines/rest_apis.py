"""API Gateway of ministack, with what it lacks: it makes an API from a document without the routes
that stand there, and cannot take a newer document. So a request that brings a document goes
through here, and the routes are made one by one; every other one is handed on as it is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import boto3

from tests.engines.engine import REGION
from tests.engines.ports import LOOPBACK

_PER_HOP = {"connection", "transfer-encoding", "content-length"}


@contextmanager
def running_rest_apis(port: int) -> Iterator[str]:
    """In front of ministack at that port; the URL."""

    class Handler(_Handler):
        ministack = port

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ministack: int

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        new = (self.command, url.path) == ("POST", "/restapis") and "mode=import" in url.query
        newer = self.command == "PUT" and url.path.count("/") == 2
        if newer:
            api_id = url.path.rpartition("/")[2]
            self._make_routes(api_id, json.loads(body))
            self._answer(
                200, {"content-type": "application/json"}, b'{"id": "%b"}' % api_id.encode()
            )
            return
        connection = HTTPConnection(LOOPBACK, self.ministack, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer: HTTPResponse = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if new and answer.status in (200, 201):
            self._make_routes(json.loads(content)["id"], json.loads(body))
        self._answer(answer.status, dict(answer.headers), content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _take  # noqa: N815

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _PER_HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _make_routes(self, api_id: str, document: dict[str, Any]) -> None:
        gateway: Any = boto3.Session("test", "test", region_name=REGION).client(
            "apigateway", endpoint_url=f"http://{LOOPBACK}:{self.ministack}"
        )
        api = {"restApiId": api_id}
        made = {
            item["path"]: item["id"] for item in gateway.get_resources(**api, limit=500)["items"]
        }
        for path, methods in document["paths"].items():
            if path in made:
                continue
            parent, so_far = made["/"], ""
            for part in path.strip("/").split("/"):
                so_far += f"/{part}"
                if so_far not in made:
                    made[so_far] = gateway.create_resource(**api, parentId=parent, pathPart=part)[
                        "id"
                    ]
                parent = made[so_far]
            for method, operation in methods.items():
                where = {**api, "resourceId": parent, "httpMethod": method.upper()}
                gateway.put_method(**where, authorizationType="NONE")
                gateway.put_integration(
                    **where,
                    type="AWS_PROXY",
                    integrationHttpMethod="POST",
                    uri=operation["x-amazon-apigateway-integration"]["uri"],
                )

    def log_message(self, *_: object) -> None:
        """Nothing: the tests say what they saw."""
