"""What only CloudWatch tells of an SQS queue: how old its oldest message is, and how late events
are stored. It is asked with the operator's credentials; no Lambda imports this."""

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from tracker import aws_errors
from tracker.errors import QueueUnavailable
from tracker.queues import Delays

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
    now = datetime.now(UTC)
    try:
        client: Any = botocore.session.get_session().create_client("cloudwatch")
        answer = client.get_metric_data(
            MetricDataQueries=queries,
            StartTime=now - timedelta(minutes=_MINUTES),
            EndTime=now,
            ScanBy="TimestampDescending",
        )
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"CloudWatch: {aws_errors.explain(error)}") from error
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    ages, count = values.get("age", []), sum(values.get("count", []))
    return Delays(
        float(ages[0]) if ages else None,
        sum(values["sum"]) / count / 1000 if count else None,
        _LAG_OF,
    )


def _metric(namespace: str, name: str, dimension: dict[str, str]) -> dict[str, Any]:
    return {"Namespace": namespace, "MetricName": name, "Dimensions": [dimension]}


def _query(name: str, metric: dict[str, Any], statistic: str) -> dict[str, Any]:
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": statistic}}
