"""The planner against an exhaustive search: what fits, what is proved impossible, and that its reasons are minimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from types import MappingProxyType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drorch.year.model import Activity
from drorch.year.planning.board import Board, held
from drorch.year.planning.conflict import conflict
from drorch.year.planning.model import Absence, Fixed, Planner, PlannerLimits, Pool, Task, TestRule, Unit, Verdict
from drorch.year.planning.plan import plan_year
from drorch.year.planning.slots import Candidate, Shape, Slots, shape_of
from drorch.year.planning.solve import Problem, fixed_test, solve

FIRST = date(2013, 1, 1)
HOUR = 60


class DaysOnly(Slots):
    """Slots without windows: a task may start at given hours of given days, both from 0."""

    def __init__(self, hours: tuple[int, ...] = (9, 13)) -> None:
        self.origin = datetime(2013, 1, 1, tzinfo=UTC)
        self.hours, self.days = hours, dict[str, tuple[int, ...]]()

    def at(self, minutes: int) -> Candidate:
        day = minutes // (24 * HOUR)
        return Candidate(start=minutes, day=day, week=day - day % 7)

    def of(self, task: Task, relaxed: frozenset[str]) -> tuple[Candidate, ...]:
        days = range(14) if "lease:x" in relaxed else self.days.get(task.id, range(14))
        return tuple(self.at((day * 24 + hour) * HOUR) for day in sorted(days) for hour in self.hours)

    def shape(self, task: Task, relaxed: frozenset[str]) -> Shape:
        return shape_of(self.of(task, relaxed), int(task.rule.length_s // 60))

    def window_reasons(self, sites: object, first: date, last: date) -> dict[str, str]:
        return {"lease:x": "the days"}


def rule(length_h: int, people: Mapping[str, int], sites: tuple[str, ...] = ("a",)) -> TestRule:
    return TestRule(
        id="r", activity=Activity.RECOVERY_TEST, unit=Unit.GROUP, length_s=length_h * 3600.0, sites=sites,
        people=MappingProxyType(dict(people)),
    )  # fmt: skip


def task(name: str, length_h: int = 4, people: Mapping[str, int] | None = None, sites: tuple[str, ...] = ("a",),
         after: tuple[str, ...] = ()) -> Task:  # fmt: skip
    return Task(
        id=name, rule=rule(length_h, people or {}, sites), title=name, subjects=(name,), sites=sites,
        earliest=FIRST, latest=date(2013, 12, 31), after=after,
    )  # fmt: skip


def planner(limits: PlannerLimits, people: int = 2) -> Planner:
    return Planner(
        id="p", rules=(rule(4, {}),), pools=(Pool(id="e", name="engineers", at_once=people),), absences=(),
        limits=limits,
    )  # fmt: skip


def problem(tasks: list[Task], days: Mapping[str, tuple[int, ...]], limits: PlannerLimits, people: int = 2,
            fixed: tuple[Fixed, ...] = ()) -> Problem:  # fmt: skip
    slots = DaysOnly()
    slots.days.update(days)
    return Problem(planner=planner(limits, people), tasks=tuple(tasks), fixed=fixed, slots=slots)


def possible(given_: Problem, relaxed: frozenset[str]) -> bool:
    """By trying everything; the rules are those of the board, which has tests of its own."""
    left = given_.relaxed(relaxed)
    choices = [left.slots.of(item, relaxed) for item in left.tasks]
    return any(fits(left, places, relaxed) for places in product(*choices))


def fits(left: Problem, places: tuple[Candidate, ...], relaxed: frozenset[str]) -> bool:
    board = Board(left.planner, relaxed)
    for item in left.fixed:
        board.put(fixed_test(item, left.slots))
    for item, place in zip(left.tasks, places, strict=True):
        behind = tuple(other.id for other in left.tasks if item.id in other.after)
        if board.against(held(item.id, item, place), item.after, behind):
            return False
        board.put(held(item.id, item, place))
    return True


problems = st.builds(
    lambda sizes, days, at_once, per_day, per_week, people, ordered: problem(
        [
            task(f"t{n}", size, {"e": need}, ("a",) if site else ("b",), (f"t{n - 1}",) if ordered and n else ())
            for n, (size, need, site) in enumerate(sizes)
        ],
        {f"t{n}": tuple(days[: n + 1]) for n in range(len(sizes))},
        PlannerLimits(at_once=at_once, per_site=1, per_day=per_day, per_week=per_week),
        people,
    ),
    st.lists(st.tuples(st.integers(3, 6), st.integers(1, 2), st.booleans()), min_size=1, max_size=4),
    st.lists(st.integers(0, 8), min_size=4, max_size=4, unique=True),
    st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.integers(2, 3), st.booleans(),
)  # fmt: skip


@given(problems)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_verdict_is_that_of_an_exhaustive_search(given_: Problem) -> None:
    found = solve(given_)
    assert found.verdict is (Verdict.FEASIBLE if possible(given_, frozenset()) else Verdict.INFEASIBLE)
    if found.verdict is Verdict.FEASIBLE:
        places = tuple(given_.slots.at(found.starts[n]) for n in range(len(given_.tasks)))
        assert fits(given_, places, frozenset())


@given(problems)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_the_reasons_are_impossible_together_and_possible_without_any_one(given_: Problem) -> None:
    if solve(given_).verdict is not Verdict.INFEASIBLE:
        return
    why = conflict(given_, FIRST, date(2013, 12, 31))
    assert why.minimal
    kept = {reason.key for reason in why.reasons}
    every = {f"task:{item.id}" for item in given_.tasks} | {"subjects", "lease:x", "people:e"}
    every |= {f"order:{item.id}:{name}" for item in given_.tasks for name in item.after}
    every |= {"site:a", "site:b", "limit:at-once", "limit:per-week", "limit:per-day"}
    assert not possible(given_, frozenset(every - kept))
    for key in kept:
        assert possible(given_, frozenset(every - kept | {key}))


def test_more_tests_than_days_is_proved_at_once_also_when_there_are_many() -> None:
    tasks = [task(f"t{n}") for n in range(40)]
    found = solve(problem(tasks, {}, PlannerLimits(at_once=1, per_site=1, per_day=2, per_week=100)))
    assert found.verdict is Verdict.INFEASIBLE
    # 14 days of 2 hold 28; trying them all would take for ever.
    assert found.work < 10_000
    assert len(found.starts) == 28


def test_the_smallest_set_of_reasons_is_short() -> None:
    tasks = [task(f"t{n}") for n in range(40)]
    days = {"t7": (3,), "t8": (3,), "t9": (3,)}
    given_ = problem(tasks, days, PlannerLimits(at_once=1, per_site=1, per_day=2, per_week=100))
    why = conflict(given_, FIRST, date(2013, 12, 31))
    assert why.minimal
    assert not possible_in_short(given_, {reason.key for reason in why.reasons})


def possible_in_short(given_: Problem, kept: set[str]) -> bool:
    """With the reasons alone: few tasks are left, so everything can be tried, or counted."""
    names = {key.removeprefix("task:") for key in kept if key.startswith("task:")}
    if len(names) > 4:
        return len(names) <= 28
    every = {f"task:{item.id}" for item in given_.tasks} | {"subjects", "lease:x", "people:e", "site:a", "site:b"}
    every |= {"limit:at-once", "limit:per-week", "limit:per-day"}
    return possible(given_, frozenset(every - kept))


def test_beyond_the_bound_the_answer_is_unknown_and_neither_yes_nor_no() -> None:
    """Ten tests that need a day each and nine that share one by two: 15 days, and there are 14. Hard to rule out."""
    tasks = [task(f"t{n}", 5, {"e": 2 if n < 10 else 1}) for n in range(19)]
    given_ = problem(tasks, {}, PlannerLimits(at_once=2, per_site=2, per_day=2, per_week=100), people=2)
    found = solve(given_, bound=20_000)
    assert found.verdict is Verdict.UNKNOWN
    assert 20_000 < found.work < 30_000
    assert len(found.starts) == 18
    whole = plan_year(replace(given_, tasks=given_.tasks[:19]), 2013, FIRST, bound=20_000)
    assert (whole.verdict, whole.conflict, whole.minimal, len(whole.left_out)) == (Verdict.UNKNOWN, (), False, 1)
    assert solve(replace(given_, tasks=tuple(tasks[:18])), bound=20_000).verdict is Verdict.FEASIBLE


def booked(name: str, day: int, hour: int = 9) -> Fixed:
    start = datetime(2013, 1, 1, hour, tzinfo=UTC) + timedelta(days=day)
    return Fixed(id=name, start=start, length_s=4 * 3600.0, sites=("a",), subjects=(name,))


def test_a_booked_test_stays_and_is_named_when_it_is_in_the_way() -> None:
    limits = PlannerLimits(at_once=1, per_site=1, per_day=1, per_week=7)
    given_ = problem([task("new")], {"new": (3,)}, limits, fixed=(booked("old", 3), booked("other", 5)))
    found = plan_year(given_, 2013, FIRST)
    assert found.verdict is Verdict.INFEASIBLE
    assert [reason.key for reason in found.conflict] == ["task:new", "fixed:old", "lease:x", "limit:per-day"]
    assert found.minimal
    assert found.left_out[0].because[0] == ("limit:per-day", 2)


def test_with_leave_to_move_only_the_one_in_the_way_moves() -> None:
    limits = PlannerLimits(at_once=1, per_site=1, per_day=1, per_week=7)
    given_ = problem([task("new")], {"new": (3,)}, limits, fixed=(booked("other", 5), booked("old", 3)))
    found = plan_year(given_, 2013, FIRST, may_move=True)
    assert found.verdict is Verdict.FEASIBLE
    (move,) = found.moves
    assert move.booking == "old"
    assert move.after.date() not in (move.before.date(), date(2013, 1, 6))
    assert [item.task.id for item in found.placements] == ["new"]


def test_an_absence_is_kept() -> None:
    given_ = problem([task("t", people={"e": 2})], {"t": (0,)}, PlannerLimits())
    away = Absence(
        id="leave", pool="e", first_day=date.fromordinal(1), last_day=date(9999, 1, 1), at_once=1, reason="r"
    )
    at_day_zero = Planner(**{**given_.planner.__dict__, "absences": (away,)})
    slots = DaysOnly()
    slots.days["t"] = (2,)
    with_absence = Problem(planner=at_day_zero, tasks=given_.tasks, fixed=(), slots=slots)
    assert solve(with_absence).verdict is Verdict.INFEASIBLE
    assert solve(with_absence, frozenset({"absence:leave"})).verdict is Verdict.FEASIBLE
