"""Would a run work from the server's machine, tonight?"""

from __future__ import annotations

from pydantic import BaseModel

from drorch.app.accounts import Role
from drorch.app.doctor import Health
from drorch.interfaces.http.api.at_once import AtOnce
from drorch.interfaces.http.api.base import Ctx, api_router
from drorch.interfaces.http.security.rules import require

router = api_router("/doctor", "server")
_examining = AtOnce(1, wait_s=10.0)


class Checked(BaseModel):
    """One thing looked at: how it stands, what was seen, what to do."""

    name: str
    health: Health
    said: str
    next_step: str | None


class Examined(BaseModel):
    """``attention``: so many are bad, or cannot be looked at."""

    attention: int
    checks: list[Checked]


@router.get("", dependencies=[require(Role.OPERATOR, Role.PLANNER, Role.ADMIN)])
def doctor(context: Ctx) -> Examined:
    """Everything a run needs, looked at one by one; nothing is changed, name servers are asked."""
    with _examining.turn():
        found = list(context.examine())
    return Examined(
        attention=sum(check.health in (Health.BAD, Health.UNKNOWN) for check in found),
        checks=[
            Checked(name=check.name, health=check.health, said=check.said, next_step=check.next_step or None)
            for check in found
        ],
    )
