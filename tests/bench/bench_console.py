"""What a page of the console costs with 10,000 applications, beside the same page with 76, in one run.

.venv/bin/python tests/bench/bench_console.py [applications]
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import yaml
from fastapi.testclient import TestClient

from drorch.app.accounts import Role
from drorch.run import events as ev
from drorch.run.idents import attempt_ident
from drorch.testing.runs import approvals
from drorch.testing.web import PASSWORD, WebScene
from tests.console.stage import OPEN_RUN, plan_for, put_run, put_samples

ROUNDS = 3
SAMPLE = Path(__file__).parents[2] / "app_catalog.yaml"
PAGES = (
    ("overview", "/"),
    ("catalog", "/catalog"),
    ("catalog, filtered", "/catalog?q=finance&served=primary&page=2"),
    ("search", "/search?q=mail"),
    ("runs", "/runs"),
    ("live run", f"/runs/{OPEN_RUN}"),
    ("live run, failed steps", f"/runs/{OPEN_RUN}?state=failed"),
)


def enlarged(applications: int) -> str:
    """The sample catalog, its applications copied until there are so many."""
    data = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    given = data["applications"]
    made = list(given)
    copy = 0
    while len(made) < applications:
        copy += 1
        for entry in given[: applications - len(made)]:
            needs = [f"{needed}-{copy}" for needed in entry.get("depends_on", [])]
            kept = {key: value for key, value in entry.items() if key != "gateway"}
            if entry["arrangement"] == "remote-access":
                needs = entry.get("depends_on", [])
            made.append({**kept, "id": f"{entry['id']}-{copy}", "name": f"{entry['name']} {copy}", "depends_on": needs})
    known = {entry["id"] for entry in made}
    for entry in made:
        entry["depends_on"] = [needed for needed in entry.get("depends_on", []) if needed in known]
    enterprise = sum(entry["scope"] == "enterprise" for entry in made)
    totals = {"applications": len(made), "enterprise": enterprise, "departmental": len(made) - enterprise}
    data["applications"], data["totals"] = made, totals
    # JSON is YAML, and written a hundred times faster.
    return json.dumps(data, default=str, ensure_ascii=False, indent=1)


def world(folder: Path, applications: int) -> WebScene:
    """A failover of New York, half done, with one failed step in ten."""
    home, catalog = folder / "home", folder / "app_catalog.yaml"
    home.mkdir(parents=True)
    text = enlarged(applications)
    catalog.write_text(text, encoding="utf-8")
    scene = WebScene(home=home, catalog=catalog)
    plan = plan_for(text)
    bodies: list[ev.Body] = [*approvals(plan), ev.RunStarted()]
    good: set[str] = set()
    for number, step in enumerate(plan.steps[: len(plan.steps) // 2]):
        if not set(step.needs) <= good:
            continue
        bodies.append(ev.StepStarted(step=step.id, attempt=1, ident=attempt_ident(step.id, 1)))
        if number > 40 and number % 10 == 0:
            bodies.append(ev.StepFailed(step=step.id, attempt=1, code="task-failed", reason="made to fail"))
        else:
            bodies.append(ev.StepSucceeded(step=step.id, attempt=1))
            good.add(step.id)
    put_run(home, scene.journal, scene.clock, plan, *bodies, text=text)
    loaded = scene.context.service.open(OPEN_RUN).catalog
    put_samples(home, scene.clock, ((app.id, loaded.primary_site_of(app)) for app in loaded.applications))
    scene.person("ada", *Role)
    print(f"{applications} applications: {len(plan.steps)} steps, {len(bodies)} events")
    return scene


def timed(scene: WebScene) -> dict[str, tuple[float, int]]:
    """CPU seconds of the fastest of some visits to each page, and its size in bytes."""
    found = {}
    with TestClient(scene.app, base_url="http://127.0.0.1") as client:
        client.post("/login", data={"login": "ada", "password": PASSWORD})
        for name, path in PAGES:
            times, size = [], 0
            for _ in range(ROUNDS):
                scene.clock.advance(2.0)
                gc.collect()
                began = time.process_time()
                answer = client.get(path)
                times.append(time.process_time() - began)
                assert answer.status_code == 200, answer.text[:500]
                size = len(answer.content)
            found[name] = min(times), size
    return found


def main(applications: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (timed(world(Path(folder) / str(size), size)) for size in (76, applications))
    print(f"{'page':<24} {'76':>9} {applications:>9} {'ratio':>6}   bytes")
    for name, _ in PAGES:
        (few, size_few), (many, size_many) = small[name], large[name]
        print(f"{name:<24} {few:8.3f}s {many:8.3f}s {many / few:6.1f}   {size_few} {size_many}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
