"""What API Gateway gives a Lambda."""

from typing import Any


def request(method: str, path: str, **members: Any) -> dict[str, Any]:
    """The event of one HTTP request."""
    return {
        "requestContext": {"resourcePath": path, "httpMethod": method, "path": path},
        "path": path,
        "headers": {"content-type": "application/json", "authorization": "Bearer token"},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": None,
        **members,
    }
