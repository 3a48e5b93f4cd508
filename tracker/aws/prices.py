"""What AWS asks for, in one region, at one time. Nothing here is known of any other region.

AWS's own price pages show their numbers by script and keep no date, so each was looked up in
published tables of 2025 and 2026 that name their region.
"""

import math
from typing import NamedTuple

REGION = "us-east-1"
AS_OF = "2026-06"
"""The date of the newest of these tables."""

MILLION = 1_000_000


class Price(NamedTuple):
    """A line of a bill."""

    name: str
    unit: str
    """What is counted, in the plural."""
    per: int
    """For how many of these units the dollars are."""
    tiers: tuple[tuple[float, float], ...]
    """(up to so many units a month, dollars): the first dearest."""
    free: float = 0
    """Units a month that every account has for nothing, for good, all its uses together."""

    def dollars(self, units: float) -> float:
        """What so many units of a month cost, without the free ones."""
        total = below = 0.0
        for up_to, dollars in self.tiers:
            total += max(0.0, min(units, up_to) - below) * dollars / self.per
            below = up_to
        return total


def _flat(dollars: float) -> tuple[tuple[float, float], ...]:
    return ((math.inf, dollars),)


# API Gateway's free calls are for an account's first year only, and so are not counted.
REST_API = Price(
    "API Gateway, REST requests",
    "requests",
    MILLION,
    ((333e6, 3.50), (1_000e6, 2.80), (20_000e6, 2.38), (math.inf, 1.51)),
)
HTTP_API = Price(
    "API Gateway, HTTP requests", "requests", MILLION, ((300e6, 1.00), (math.inf, 0.90))
)
LAMBDA_REQUESTS = Price("Lambda requests", "requests", MILLION, _flat(0.20), free=1e6)
# Arm. Cheaper only beyond 7.5 billion GB-seconds a month.
LAMBDA_SECONDS = Price("Lambda time", "GB-seconds", MILLION, _flat(13.3334), free=400_000)
SQS_REQUESTS = Price("SQS requests (64 KiB)", "requests", MILLION, _flat(0.40), free=1e6)
# On demand, halved in November 2024. The free units are for provisioned tables only.
WRITE_UNITS = Price("DynamoDB write units", "units", MILLION, _flat(0.625))
READ_UNITS = Price("DynamoDB read units", "units", MILLION, _flat(0.125))
STREAM_READS = Price(
    "DynamoDB stream reads", "requests", 100_000, _flat(0.02), free=2.5e6
)  # Lambda's own cost nothing
STORAGE = Price("DynamoDB storage", "GB-months", 1, _flat(0.25), free=25)
BACKUP = Price("DynamoDB point-in-time backup", "GB-months", 1, _flat(0.20))
# Logs of Lambdas have been cheaper beyond 10 TB since May 2025.
LOG_INGEST = Price("CloudWatch logs taken in", "GB", 1, ((10_240, 0.50), (math.inf, 0.25)), free=5)
# The free 5 GB are for both together: they are counted where they save more.
LOG_STORAGE = Price("CloudWatch logs kept", "GB-months", 1, _flat(0.03))
METRICS = Price("CloudWatch metrics", "metrics", 1, ((10_000, 0.30), (math.inf, 0.10)), free=10)
ALARMS = Price("CloudWatch alarms", "alarms", 1, _flat(0.10), free=10)
DASHBOARDS = Price("CloudWatch dashboards", "dashboards", 1, _flat(3.00), free=3)
TRANSFER_OUT = Price(
    "Data transfer out", "GB", 1, ((10_240, 0.09), (51_200, 0.085), (math.inf, 0.07)), free=100
)
