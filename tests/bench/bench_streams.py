"""200 live watchers of one run: does each get every event, and is the run slowed?

.venv/bin/python tests/bench/bench_streams.py [watchers] [steps]

The real server, and the real driver with its journal on disk, are processes of their own. Steps take a fixed time, as
playbooks do; the run is driven without watchers, with them over HTTP, and without again. Everything shares this
machine's processors; the clients, which in earnest are other machines, have the lowest priority.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from stores import journal_at

from drorch.adapters.clock import SystemClock
from drorch.app import composition
from drorch.app.accounts import Account, Accounts, Role
from drorch.core.files import write_whole
from drorch.core.state_folder import run_folder
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Limits, Plan
from drorch.run.driver import Driver
from drorch.run.recorder import Recorder
from drorch.testing.fakes import Ending, FakeExecutor, FakeObserver
from drorch.testing.plans import make_plan, playbook_step
from drorch.testing.runs import approvals, created
from drorch.testing.services import free_port

GOAL_RATIO = 1.05
STEP_S = 0.25


def plan_of(steps: int) -> Plan:
    """Eight at a time, each four needing nothing of the others."""
    return make_plan([playbook_step(f"a{number}/x") for number in range(steps)], limits=Limits(total=8, per_site=8))


def drive(home: Path, run: str, steps: int) -> None:
    """What the driver's process does: prints the seconds it took."""
    plan, clock = plan_of(steps), SystemClock()
    endings = {step.act.playbook: Ending(takes_s=STEP_S) for step in plan.steps if hasattr(step.act, "playbook")}
    with journal_at(home) as journal:
        driver = Driver(
            plan=plan,
            run=run,
            journal=journal,
            executor=FakeExecutor(clock, endings),
            observer=FakeObserver(),
            clock=clock,
            host="bench",
            pid=1,
        )
        began = time.perf_counter()
        driver.drive()
        print(time.perf_counter() - began)


def prepared(home: Path, run: str, steps: int) -> None:
    """A run that may start."""
    plan = plan_of(steps)
    write_whole(run_folder(home, run, must_exist=False).plan, plan_to_text(plan))
    with journal_at(home) as journal:
        Recorder.create(journal, SystemClock(), plan, run, created(plan)).record(*approvals(plan))


async def driven(home: Path, run: str, steps: int) -> float:
    """Seconds the run took in a process of its own."""
    words = (sys.executable, __file__, "drive", str(home), run, str(steps))
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), 300)
    return float(out)


async def watch(client: httpx.AsyncClient, url: str, until: asyncio.Event, late_s: list[float]) -> list[int]:
    """Numbers of the events that came, until the run has ended and nothing more comes."""
    seen: list[int] = []
    async with client.stream("GET", url) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                seen.append(int(line.rpartition(":")[2]))
            elif '"kind":"run-ended"' in line:
                late_s.append(time.monotonic())
                break
    until.set()
    return seen


async def main(watchers: int, steps: int) -> None:
    """Three runs, and what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        accounts = Accounts(composition.records(home), SystemClock(), composition.hasher())
        accounts.add(Account(login="vera", person="Vera Viewer", roles=frozenset({Role.VIEWER})))
        _, token = accounts.issue("vera", label="bench", roles=[Role.VIEWER], days=1, by="bench")
        port = free_port("127.0.0.1")
        words = [sys.executable, "-m", "drorch", "serve", "--port", str(port)]
        server = subprocess.Popen(
            words, env={"DRORCH_HOME": folder, "PATH": "/usr/bin:/bin"}, stderr=subprocess.DEVNULL
        )
        try:
            await measured(home, f"http://127.0.0.1:{port}/api/v1", token, watchers, steps)
        finally:
            server.kill()
            server.wait(10)


async def measured(home: Path, base: str, token: str, watchers: int, steps: int) -> None:
    """See `main`."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(100):
            try:
                await client.get(f"{base}/health")
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
    for run in ("before", "watched", "after"):
        prepared(home, run, steps)
    before = await driven(home, "before", steps)
    words = (sys.executable, __file__, "watch", f"{base}/runs/watched/stream", token, str(watchers))
    crowd = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, limit=2**26)
    assert crowd.stdout is not None
    await asyncio.wait_for(crowd.stdout.readline(), 60)  # all of them are there
    watched = await driven(home, "watched", steps)
    ended = time.monotonic()
    told = json.loads(await asyncio.wait_for(crowd.stdout.readline(), 60))
    await crowd.wait()
    after = await driven(home, "after", steps)
    with journal_at(home) as journal:
        numbers = [event.seq for event in journal.read("watched")]
    whole = sum(seen == numbers for seen in told["seen"])
    ratio = watched / ((before + after) / 2)
    print(f"{watchers} watchers, {steps} steps of {STEP_S} s, {len(numbers)} events")
    print(f"  {whole} of {watchers} saw every event once and in order: {'met' if whole == watchers else 'NOT met'}")
    print(f"  the last one had the last event {told['last'] - ended:+.2f} s after the end of the driver's process")
    print(f"  run: {before:.2f} s before, {watched:.2f} s watched, {after:.2f} s after")
    print(f"  slower by {ratio:.3f}, goal {GOAL_RATIO:g}: {'met' if ratio <= GOAL_RATIO else 'NOT met'}")


async def crowd(url: str, token: str, watchers: int) -> None:
    """What the process of the watchers does. In earnest they are other machines: here they take what is left over."""
    os.nice(19)
    limits, late_s, some = httpx.Limits(max_connections=watchers + 5), list[float](), asyncio.Event()
    header = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=header, limits=limits, timeout=120, trust_env=False) as client:
        tasks = [asyncio.create_task(watch(client, url, some, late_s)) for _ in range(watchers)]
        await asyncio.sleep(5)
        print("here", flush=True)
        found = await asyncio.gather(*tasks)
    print(json.dumps({"seen": found, "last": max(late_s)}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        drive(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["watch"]:
        asyncio.run(crowd(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        numbers = [int(word) for word in sys.argv[1:3]]
        asyncio.run(main(numbers[0] if numbers else 200, numbers[1] if len(numbers) > 1 else 400))
