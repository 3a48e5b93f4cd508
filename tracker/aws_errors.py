"""What AWS's SDK raised → one line that says what to do.

Nothing of AWS is imported here: the SDK's exceptions are known by their names, so this can be
asked about any error, also where the SDK is not installed.
"""

import re
from collections.abc import Iterator
from typing import Any

_MOST = 400
"""Characters of a line, at the most: a parameter that AWS refuses is repeated in its message."""

_LOG_IN = "log in again (`aws sso login`, `aws login` or new keys), then repeat this"
_NOT_THERE = (
    "nothing of that name is in this account and region: check the profile (AWS_PROFILE) and the"
    " region (AWS_DEFAULT_REGION), or make it with `python -m tracker provision --stage NAME`"
)
_BUSY = "AWS is busy or limits the calls: wait a minute, then repeat this"

# Name of the SDK's exception, or of one it is derived from → what to do. The first that fits.
_RAISED_HERE = {
    "NoCredentialsError": "no AWS credentials: run `aws configure`, or set AWS_PROFILE",
    "NoAuthTokenError": "no AWS credentials: run `aws configure`, or set AWS_PROFILE",
    "PartialCredentialsError": (
        "half of the AWS credentials is missing: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
        " or run `aws configure`"
    ),
    "ProfileNotFound": "there is no such AWS profile: `aws configure list-profiles` lists them",
    "NoRegionError": "no AWS region is chosen: set AWS_DEFAULT_REGION, such as eu-central-1",
    "InvalidRegionError": "that is no AWS region: set AWS_DEFAULT_REGION, such as eu-central-1",
    "SSOError": f"the AWS session is over: {_LOG_IN}",
    "LoginError": f"the AWS session is over: {_LOG_IN}",
    "TokenRetrievalError": f"the AWS session is over: {_LOG_IN}",
    "CredentialRetrievalError": f"the AWS credentials could not be fetched: {_LOG_IN}",
    "ConfigParseError": "AWS's configuration file cannot be read: correct it, or `aws configure`",
    "ConfigNotFound": "AWS's configuration file is missing: see AWS_CONFIG_FILE",
    "InvalidConfigError": "AWS's configuration file is wrong: correct it, or `aws configure`",
    "ProxyConnectionError": "the proxy does not answer: check HTTPS_PROXY",
    "SSLError": "the connection is not trusted: check the proxy, the clock and AWS_CA_BUNDLE",
    "ReadTimeoutError": "AWS did not answer in time: repeat this",
    "ConnectionError": (
        "AWS cannot be reached: check the network, the region (AWS_DEFAULT_REGION) and"
        " AWS_ENDPOINT_URL"
    ),
    "HTTPClientError": "the connection to AWS broke: check the network, then repeat this",
}

# Code of AWS's answer → what to do.
_ANSWERED = {
    **dict.fromkeys(
        ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        "AWS does not know these credentials: check the access key (`aws configure`, AWS_PROFILE),"
        " and that the region is one your account uses",
    ),
    **dict.fromkeys(
        ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
        "AWS does not accept the signature: check the secret access key (`aws configure`) and this"
        " machine's clock",
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException"),
        f"the AWS session is over: {_LOG_IN}",
    ),
    **dict.fromkeys(
        ("RequestExpired", "RequestTimeTooSkewed"),
        "this machine's clock is wrong: set it, then repeat this",
    ),
    **dict.fromkeys(
        ("OptInRequired", "SubscriptionRequiredException"),
        "the AWS account is not activated for this service or region: finish its registration",
    ),
    **dict.fromkeys(
        (
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NotFoundException",
            "NoSuchBucket",
        ),
        _NOT_THERE,
    ),
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "SlowDown",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ServiceUnavailable",
        ),
        _BUSY,
    ),
    **dict.fromkeys(
        ("LimitExceededException", "LimitExceeded", "ServiceQuotaExceededException"),
        "a limit of the AWS account is reached: raise it in Service Quotas, or remove something",
    ),
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.AccessDenied",
    "AuthorizationError",
    "UnauthorizedOperation",
}
_NOT_AUTHORIZED = re.compile(
    r"(?:User: (?P<who>\S+) )?is not authorized to perform: (?P<action>[\w:*-]+)"
    r"(?: on resource: (?P<on>\S+))?"
)


def explain(error: BaseException) -> str:
    """One line, without the prefix and the full stop: what is wrong, and what to do.

    The error may also be one that was raised from the SDK's (PynamoDB's, the kit's own). Of an
    error that is not AWS's, it is its own message.
    """
    for found in _chain(error):
        names = [kind.__name__ for kind in type(found).__mro__]
        response = getattr(found, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return _of_answer(response, getattr(found, "operation_name", None))
        if "BotoCoreError" in names:
            known = next((_RAISED_HERE[name] for name in names if name in _RAISED_HERE), None)
            return _line(f"{known} ({found})") if known else _line(f"AWS's SDK: {found}")
    return _line(str(error) or type(error).__name__)


def code(error: BaseException) -> str | None:
    """The code of AWS's answer; ``None`` where there was no answer, as the connection broke:
    PynamoDB's own way to ask for the code fails there."""
    for found in _chain(error):
        response = getattr(found, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return str(response["Error"].get("Code", ""))
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in seen:
        seen.append(found)
        yield found
        cause = getattr(found, "cause", None)  # PynamoDB's name for it
        found = cause if isinstance(cause, BaseException) else found.__cause__


def _of_answer(response: dict[str, Any], operation: str | None) -> str:
    code = str(response["Error"].get("Code", ""))
    message = str(response["Error"].get("Message", ""))
    said = f"{operation}: {message or code}" if operation else message or code
    if code in _DENIED:
        return _line(_denied(message, said))
    if code == "ValidationError" and message.endswith("does not exist"):  # CloudFormation's
        return _line(f"{_NOT_THERE} ({said})")
    if known := _ANSWERED.get(code):
        return _line(f"{known} ({said})")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if isinstance(status, int) and status >= 500:
        return _line(f"{_BUSY} ({said})")
    return _line(f"AWS refused: {code}: {said}")


def _denied(message: str, said: str) -> str:
    found = _NOT_AUTHORIZED.search(message)
    if found is None:
        return f"these AWS credentials may not do this: give them the permission ({said})"
    who = found["who"] or "these credentials"
    on = f" on {found['on'].rstrip('.')}" if found["on"] else ""
    if "explicit deny" in message:
        return f"a policy forbids {who} the action {found['action']}{on}: have it changed"
    return f"{who} may not do {found['action']}{on}: add that permission to its IAM policy"


def _line(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= _MOST else one[: _MOST - 1] + "…"
