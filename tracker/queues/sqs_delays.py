"""What only CloudWatch tells of a deployment: how old its queue's oldest message is, and how late
events are stored and counted. A Lambda imports it when it is asked for the status."""

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tracker import aws_errors, sdk
from tracker.errors import QueueUnavailable
from tracker.queues import Delays

_PATIENCE = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)
"""Whoever asks waits for it, and is shown the rest without it."""

_MINUTES = 15
_LAG_OF = f"received to stored, mean of the last {_MINUTES} minutes"


def delays(queue_url: str, deployment: str | None) -> Delays:
    """Of the last minutes: CloudWatch is told of a minute when it is over. Raises
    `QueueUnavailable`."""
    of_queue = {"Name": "QueueName", "Value": queue_url.rpartition("/")[2]}
    age = _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", of_queue)
    queries = [_query("age", age, "Maximum")]
    if deployment:
        lag = _metric("Tracker", "LagMilliseconds", {"Name": "Deployment", "Value": deployment})
        queries += [_query("sum", lag, "Sum"), _query("count", lag, "SampleCount")]
        counter = _metric(
            "AWS/Lambda", "IteratorAge", {"Name": "FunctionName", "Value": f"{deployment}-count"}
        )
        queries.append(_query("counting", counter, "Maximum"))
    now = datetime.now(UTC)
    try:
        answer = sdk.client("cloudwatch", _PATIENCE).get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(minutes=_MINUTES),
            EndTime=now,
            ScanBy="TimestampDescending",
        )
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"CloudWatch: {aws_errors.explain(error)}") from error
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    ages, count = values.get("age", []), sum(values.get("count", []))
    counting = values.get("counting", [])
    return Delays(
        float(ages[0]) if ages else None,
        sum(values["sum"]) / count / 1000 if count else None,
        _LAG_OF,
        counting[0] / 1000 if counting else None,
    )


def _metric(namespace: str, name: str, dimension: dict[str, str]) -> dict[str, Any]:
    return {"Namespace": namespace, "MetricName": name, "Dimensions": [dimension]}


def _query(name: str, metric: dict[str, Any], statistic: str) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
