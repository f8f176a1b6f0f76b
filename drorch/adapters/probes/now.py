"""How are the applications right now? One full sample of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from drorch.adapters.probes.observer import sample_each
from drorch.adapters.probes.spec import watch_target
from drorch.catalog.model import Catalog
from drorch.core.errors import NotFound
from drorch.estate.model import Estate
from drorch.evidence.model import Sample


def probe_now(estate: Estate, catalog: Catalog, applications: Sequence[str]) -> list[Sample]:
    """One full sample of each of ``applications`` (all of the catalog when empty). NotFound for unknown ones."""
    groups = {app.id: app.group for app in catalog.applications}
    wanted = list(applications) or list(groups)
    for application in wanted:
        if application not in groups:
            raise NotFound(f"the catalog has no application {application!r}", next_step="see 'drorch catalog show'")
    targets = [watch_target(estate, application, group=groups[application]) for application in wanted]
    return asyncio.run(sample_each(estate, targets))
