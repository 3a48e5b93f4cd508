"""What the browser client costs a page in a real Chromium: bytes, a call, a load.

``make bench-client``. The numbers are of this machine; the empty page of the same run is what they
are to be held against.
"""

import gzip
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Page

from bench import tasks
from tests.engines.chromium import running_chromium
from tests.engines.leash import Leash
from tests.engines.ports import LOOPBACK, free_port
from tests.engines.server import Server, Servers
from tests.engines.site import site
from tracker import assets

ROOT = Path(__file__).parents[1]
LOADED = "window.kit && kit.user"
LOADS = 15

# A page's clock ticks too slowly (100 µs) for one call: the mean of fifty, two hundred times.
CALLS = """async () => {
    const of = 50, means = [];
    for (let round = 0; round < 200; round++) {
        const from = performance.now();
        for (let n = 0; n < of; n++) kit.track('Added to cart', {product: 'Trowel', price: 24, n});
        means.push((performance.now() - from) * 1000 / of);
        await new Promise(done => setTimeout(done)); // as a page's own tasks would be
    }
    return means;
}"""
# Far more than may be kept: what does not fit is dropped, which must not cost the page its ease.
BURST = """async () => {
    const tasks = [];
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(e => e.duration)))
        .observe({type: 'longtask'});
    const from = performance.now();
    for (let n = 0; n < 5000; n++) kit.track('Scrolled', {text: 'x'.repeat(1000), n});
    const called = performance.now() - from;
    const kept = () => Object.keys(localStorage).some(name => name.startsWith('kit.q'));
    do await new Promise(done => setTimeout(done, 1000)); while (!kept());
    return [called, Math.max(0, ...tasks)];
}"""
LONG_TASKS = """
    window.longTasks = [];
    new PerformanceObserver(list => longTasks.push(...list.getEntries().map(e => e.duration)))
        .observe({type: 'longtask', buffered: true});
"""


def microseconds_a_call(page: Page) -> list[float]:
    """The mean of each fifty calls."""
    means: list[float] = page.evaluate(CALLS)
    return means


def burst(browser: Browser, url: str) -> dict[str, int]:
    """Milliseconds of 5000 calls of 1 KB at once while nobody answers, and of the longest task."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        page.wait_for_function(LOADED)
        called, longest = page.evaluate(BURST)
        return {"calls, ms": round(called), "the longest task, ms": round(longest)}
    finally:
        context.close()


def load(browser: Browser, url: str, slowdown: int, *, tracked: bool) -> tuple[float, list[float]]:
    """Milliseconds of script in a load and one view, and the tasks over 50 ms."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.add_init_script(LONG_TASKS)
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
        # Until the view has been sent, by itself. What the driver runs in a page would be a part
        # of its tasks, so it asks nothing before.
        if tracked:
            with page.expect_response(lambda answer: "/v1/batch" in answer.url) as sent:
                page.goto(url)
            sent.value.finished()
        else:
            page.goto(url)
        page.wait_for_timeout(1000)
        long_tasks: list[float] = page.evaluate("longTasks")
        return _script_ms(session), long_tasks
    finally:
        context.close()


def _longest(browser: Browser, url: str, slowdown: int) -> dict[str, float]:
    """How much the client's longest task of a load does: a long one of a busy machine may do little
    but wait."""
    loads = [tasks.of_a_load(browser, url, slowdown) for _ in range(LOADS)]
    longest = [max(load) for load in loads]
    return {
        "its longest task, CPU ms, median of 15": round(statistics.median(longest), 1),
        "max of 15": round(max(longest), 1),
    }


def _script_ms(session: CDPSession) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    seconds: float = next(m["value"] for m in metrics if m["name"] == "ScriptDuration")
    return seconds * 1000


def sizes() -> dict[str, int]:
    """Bytes, gzipped as a server does at its best."""
    found = {"kit.js": len(gzip.compress(assets.client(), 9, mtime=0))}
    for part in assets.PARTS:
        name = assets.part_name("kit.js", part)
        found[name] = len(gzip.compress(assets.client(part), 9, mtime=0))
    return found


def measure(browser: Browser, server: Server) -> dict[str, object]:
    """Everything, as it is printed."""
    figures: dict[str, object] = {"gzipped bytes": sizes()}
    with site(server) as url, site(server, head="") as empty:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function(LOADED)
        means = microseconds_a_call(page)
        page.close()
        nobody = f'data-host="http://{LOOPBACK}:{free_port()}"'
        with site(server, attributes=nobody) as unanswered:
            figures["5000 events of 1 KB at once, the collector away"] = burst(browser, unanswered)
        figures["µs a call"] = {
            "median": round(statistics.median(means), 2),
            "95th percentile": round(statistics.quantiles(means, n=20)[-1], 2),
        }
        for slowdown in (1, 4):
            ours = [load(browser, url, slowdown, tracked=True) for _ in range(LOADS)]
            theirs = [load(browser, empty, slowdown, tracked=False) for _ in range(LOADS)]
            figures[f"load, {slowdown}x slowed"] = {
                "script ms, min of 15": round(min(ms for ms, _ in ours), 1),
                "of an empty page": round(min(ms for ms, _ in theirs), 1),
                "long tasks in 15 loads": sum(len(long) for _, long in ours),
                "of empty pages": sum(len(long) for _, long in theirs),
                **_longest(browser, url, slowdown),
            }
    return figures


def main(arguments: Sequence[str]) -> None:
    """Print the figures; ``--json`` for programs."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        Leash() as leash,
        running_chromium() as browser,
    ):
        servers = Servers(ROOT, Path(scratch), leash)
        try:
            figures = measure(browser, servers())
        finally:
            servers.stop()
    if "--json" in arguments:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
        return
    for name, values in figures.items():
        sys.stdout.write(f"{name}\n")
        if isinstance(values, dict):
            for what, value in values.items():
                sys.stdout.write(f"  {what:<40}{value}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
