"""Fingerprint of the playbooks a plan relies on. Pure: whoever calls it has read the files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from drorch.core.ids import content_hash
from drorch.plan.model import Plan, PlaybookAct


def playbooks_id(files: Mapping[str, bytes]) -> str:
    """``sha256:<hex>`` over names (relative, with ``/``) and contents. A changed file makes every plan a new plan."""
    return content_hash({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def playbooks_used(plan: Plan) -> tuple[str, ...]:
    """Names of the playbooks the plan's acts and undo acts call, sorted, each once."""
    acts = [act for step in plan.steps for act in (step.act, step.undo)]
    return tuple(sorted({act.playbook for act in acts if isinstance(act, PlaybookAct)}))
