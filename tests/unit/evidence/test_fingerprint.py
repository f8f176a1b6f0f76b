"""What makes evidence stale: each piece by name, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drorch.catalog.model import Catalog
from drorch.core.codec import plain, read
from drorch.core.errors import InputInvalid
from drorch.estate.model import ApplicationNames, Estate
from drorch.evidence.fingerprint import (
    Change,
    Fingerprints,
    Parts,
    Source,
    World,
    changes,
    fingerprint,
    playbook_pieces,
)
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Plan
from drorch.plan.playbook_files import contents_used, family_id, files_used
from drorch.plan.refs import playbooks_id, playbooks_used
from drorch.testing.builders import small_catalog

FILES = {
    "ansible.cfg": b"[defaults]\n",
    "postgresql_streaming/drill.yml": b"- hosts: x\n  vars_files: [vars.yml]\n  tasks: [import_tasks: tasks_copy.yml]",
    "postgresql_streaming/tasks_copy.yml": b"- remote_program: {argv: [cp]}\n",
    "postgresql_streaming/vars.yml": b"a: 1\n",
    "postgresql_streaming/recover.yml": b"- hosts: x\n  tasks: [{command: {argv: [x]}}]\n",
    "postgresql_streaming/drill_cleanup.yml": b"- hosts: x\n",
    "application/drill_start.yml": b"- hosts: x\n  tasks:\n    - site_control: {}\n",
    "application/drill_stop.yml": b"# as drill_start.yml\n- hosts: x\n  tasks:\n    - drorch.own.site_control: {}\n",
    "plugins/action/site_control.py": b"import json\n",
    "plugins/action/remote_program.py": b"import os\n",
}


def estate(**names: ApplicationNames) -> Estate:
    """Where nothing is but these names."""
    return Estate(
        schema=1,
        name="lab",
        zone="test",
        inventory="inventory.yml",
        name_servers=(),
        sites={},
        databases=(),
        applications=names,
        database_name="d",
        database_user="u",
        pgpass_file="p",
        ssh={},
        ansible_env={},
    )


def drill(catalog: Catalog) -> Plan:
    """A drill of all groups of the small catalog."""
    groups = [group.id for group in catalog.groups if group.recovery_site]
    return build_plan(catalog, kind=Kind.DRILL, playbooks_id=playbooks_id(FILES), groups=groups)


def world(catalog: Catalog, plan: Plan, files: dict[str, bytes] = FILES, **hosts: str) -> World:
    """Everything as it is now."""
    return World(
        catalog=catalog,
        estate=estate(),
        playbooks=playbook_pieces(playbooks_used(plan), files),
        hosts=hosts,
    )


def all_parts(plan: Plan, found: World) -> dict[str, Parts]:
    """Fingerprints of the whole scope."""
    return {scope.application: fingerprint(scope.application, plan, found) for scope in plan.scope}


def test_files_are_found_through_tasks_variables_and_plugins_and_not_through_comments() -> None:
    assert files_used("postgresql_streaming/drill.yml", FILES) == (
        "ansible.cfg",
        "plugins/action/remote_program.py",
        "postgresql_streaming/drill.yml",
        "postgresql_streaming/tasks_copy.yml",
        "postgresql_streaming/vars.yml",
    )
    assert files_used("application/drill_stop.yml", FILES) == (
        "ansible.cfg",
        "application/drill_stop.yml",
        "plugins/action/site_control.py",
    )
    assert files_used("absent.yml", FILES) == ()


def test_what_a_role_or_an_expression_may_name_counts_as_a_whole() -> None:
    files = {
        "a/x.yml": b"- hosts: x\n  roles: [web]\n",
        "roles/web/tasks/main.yml": b"- copy: {src: page.html}\n",
        "roles/web/files/page.html": b"<p>",
        "roles/other/tasks/main.yml": b"",
        "a/y.yml": b"- hosts: x\n  tasks:\n    - include_tasks: {file: 'on_{{ os }}.yml'}\n",
        "a/on_debian.yml": b"- ping:\n",
    }
    assert files_used("a/x.yml", files) == ("a/x.yml", "roles/web/files/page.html", "roles/web/tasks/main.yml")
    assert "a/on_debian.yml" in files_used("a/y.yml", files)


@pytest.mark.parametrize(
    "name", ["postgresql_streaming/tasks_copy.yml", "plugins/action/site_control.py", "ansible.cfg"]
)
def test_a_changed_file_is_named_for_those_who_use_it(name: str) -> None:
    catalog = small_catalog()
    plan = drill(catalog)
    before = all_parts(plan, world(catalog, plan))
    now = all_parts(plan, world(catalog, plan, {**FILES, name: FILES[name] + b"# one line\n"}))
    recovered = {scope.application for scope in plan.scope if not scope.remote_access and scope.to_site}
    for application in before:
        expected = (Change(source=Source.PLAYBOOKS, piece=name, how="changed"),) if application in recovered else ()
        assert changes(before[application], now[application]) == expected


def test_a_playbook_that_the_run_did_not_use_makes_nothing_stale() -> None:
    catalog = small_catalog()
    plan = drill(catalog)
    before = all_parts(plan, world(catalog, plan))
    files = {**FILES, "postgresql_streaming/recover.yml": b"- hosts: y\n"}
    assert all_parts(plan, world(catalog, plan, files)) == before


def test_entry_host_and_dependency_are_named() -> None:
    catalog = small_catalog()
    plan = drill(catalog)
    dependent = next(
        app for app in catalog.applications if app.depends_on and app.id in {s.application for s in plan.scope}
    )
    needed = dependent.depends_on[0]
    host = next(h for step in plan.steps if step.subject == dependent.id for h in getattr(step.act, "hosts", ()))
    before = fingerprint(dependent.id, plan, world(catalog, plan, **{host: "1"}))
    slower = replace(
        catalog,
        applications=tuple(
            replace(app, rto=replace(app.rto, seconds=app.rto.seconds + 1)) if app.id == needed else app
            for app in catalog.applications
        ),
    )
    found = changes(before, fingerprint(dependent.id, plan, world(slower, plan, **{host: "2"})))
    assert [str(change) for change in found] == [f"inventory: {host} changed", f"dependencies: {needed} changed"]


def test_what_is_written_is_read_back_and_another_schema_is_refused() -> None:
    catalog = small_catalog()
    plan = drill(catalog)
    parts = all_parts(plan, world(catalog, plan))
    data = plain(Fingerprints(schema=1, run="r", applications=parts))
    assert read(Fingerprints, data, where="here", next_step="n").applications == parts
    with pytest.raises(InputInvalid, match="here: schema: expected one of 1, found int '2'"):
        read(Fingerprints, {**data, "schema": 2}, where="here", next_step="n")


def test_a_family_is_the_same_until_something_would_be_done_differently() -> None:
    catalog = small_catalog()
    plan = drill(catalog)
    other = replace(plan, catalog_id="sha256:0", playbooks_id="sha256:1")
    unused = {**FILES, "postgresql_streaming/recover.yml": b"- hosts: y\n"}
    assert family_id(other, unused) == family_id(plan, FILES)
    assert family_id(plan, {**FILES, "postgresql_streaming/vars.yml": b"a: 2\n"}) != family_id(plan, FILES)
    assert family_id(replace(plan, steps=plan.steps[:-1]), FILES) != family_id(plan, FILES)
    assert "postgresql_streaming/recover.yml" not in contents_used(plan, FILES)
