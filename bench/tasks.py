"""The tasks of a page in which the client's script runs, as Chromium's own tracing tells them."""

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, Page

from tracker.config import Config

_SETTLED_MS = 1000
Event = dict[str, Any]


def of_a_load(browser: Browser, url: str, slowdown: int) -> list[float]:
    """Those of a load and of what it sends: milliseconds of CPU of each, without the time in which
    the machine did something else."""
    context = browser.new_context()
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        events: list[Event] = []
        ended: list[bool] = []
        session.on("Tracing.dataCollected", lambda some: events.extend(some["value"]))
        session.on("Tracing.tracingComplete", lambda _: ended.append(True))
        categories = ["devtools.timeline", "disabled-by-default-devtools.timeline"]
        session.send(
            "Tracing.start",
            {"transferMode": "ReportEvents", "traceConfig": {"includedCategories": categories}},
        )
        _visit(page, url)
        session.send("Tracing.end")
        while not ended:
            page.wait_for_timeout(50)
    finally:
        context.close()
    return list(_with_the_client(events))


def _visit(page: Page, url: str) -> None:
    with page.expect_response(lambda answer: "/v1/batch" in answer.url) as sent:
        page.goto(url)
    sent.value.finished()
    page.wait_for_timeout(_SETTLED_MS)


def _with_the_client(events: list[Event]) -> Iterator[float]:
    tasks = [event for event in events if event["name"] == "RunTask" and "tdur" in event]
    for event in events:
        script = str(event.get("args", {}).get("data", {}).get("url", ""))
        if not script.endswith(Config().script_name) or "dur" not in event:
            continue
        for task in tasks:
            inside = task["ts"] <= event["ts"] < task["ts"] + task["dur"]
            if inside and (task["pid"], task["tid"]) == (event["pid"], event["tid"]):
                tasks.remove(task)
                yield task["tdur"] / 1000
                break
