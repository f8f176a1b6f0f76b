"""All checks of a call tree. A check returns findings and never raises on user data; none repeats an address."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from drorch.callout.model import CallTree, Channel, Encryption
from drorch.catalog.checks.places import place, some
from drorch.catalog.model import Catalog
from drorch.core.findings import Finding, Severity
from drorch.plan.graph import find_cycle


def check_call_tree(tree: CallTree, catalog: Catalog) -> tuple[Finding, ...]:
    """Every finding, errors first, then in the order of the checks and of the file."""
    found = [
        *duplicate_ids(tree),
        *people_in_no_department(tree, catalog),
        *unknown_people(tree),
        *cycles(tree),
        *addresses_missing(tree),
        *not_called(tree),
        *in_clear(tree),
        *departments_without_tree(tree, catalog),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def duplicate_ids(tree: CallTree) -> Iterator[Finding]:
    """Two people, or two trees, with one id."""
    lists = {"people": [item.id for item in tree.people], "departments": [item.department for item in tree.branches]}
    for name, ids in lists.items():
        for repeated in (item for item, number in Counter(ids).items() if number > 1):
            where = place(tree, f"{name}.{repeated}#2")
            yield _error("duplicate-id", f"the id {repeated} occurs twice in {name}", repeated, where, "rename one")


def people_in_no_department(tree: CallTree, catalog: Catalog) -> Iterator[Finding]:
    """Somebody, or a tree, of a department that the catalog does not know, or that has no tree here."""
    known = {item.id for item in catalog.departments}
    with_tree = {item.department for item in tree.branches}
    for branch in tree.branches:
        if branch.department not in known:
            where = place(tree, f"departments.{branch.department}")
            message = f"there is no department {branch.department} in the catalog"
            yield _error("unknown-department", message, branch.department, where, f"known: {some(sorted(known), 12)}")
    for person in tree.people:
        where = place(tree, f"people.{person.id}.department")
        if person.department not in known:
            message = f"{person.id} is in no department: there is no {person.department} in the catalog"
            yield _error("unknown-department", message, person.id, where, f"known: {some(sorted(known), 12)}")
        elif person.department not in with_tree:
            message = f"{person.id} is in {person.department}, which has no tree here"
            yield _error("no-tree", message, person.id, where, f"add {person.department} to departments, with its head")


def unknown_people(tree: CallTree) -> Iterator[Finding]:
    """Somebody is named who is not there, is of another department, or stands in for themselves."""
    for branch in tree.branches:
        at = f"departments.{branch.department}"
        yield from _unknown(tree, at + ".head", (branch.head,))
        yield from _unknown(tree, at + ".escalation", branch.escalation)
        head = tree.person.get(branch.head)
        if head is not None and head.department != branch.department:
            message = f"{head.id} heads the tree of {branch.department} and is of {head.department}"
            yield _error("wrong-department", message, head.id, place(tree, at + ".head"), "name a head of its own")
    for person in tree.people:
        at = f"people.{person.id}"
        yield from _unknown(tree, at + ".called_by", (person.called_by,) if person.called_by else ())
        yield from _unknown(tree, at + ".deputies", person.deputies)
        if person.id in person.deputies:
            where = place(tree, at + ".deputies")
            yield _error("own-deputy", f"{person.id} is their own deputy", person.id, where, "name somebody else")
        caller = tree.person.get(person.called_by or "")
        if caller is not None and caller.department != person.department:
            where = place(tree, at + ".called_by")
            message = f"{person.id} of {person.department} is called by {caller.id} of {caller.department}"
            yield _error("wrong-department", message, person.id, where, "name somebody of the same department")


def cycles(tree: CallTree) -> Iterator[Finding]:
    """People who call each other in a circle: nobody would begin. The head of a tree is called by nobody."""
    edges = {
        person.id: (person.called_by,) if person.called_by in tree.person and person.called_by else ()
        for person in tree.people
    }
    if circle := find_cycle(edges):
        where = place(tree, f"people.{circle[0]}.called_by")
        message = f"the call tree is a circle: {' called by '.join(circle)}"
        yield _error("cyclic-call-tree", message, circle[0], where, "let one of them be called by somebody above")
    for branch in tree.branches:
        head = tree.person.get(branch.head)
        if head is not None and head.called_by and head.id not in circle:
            where = place(tree, f"people.{head.id}.called_by")
            message = f"{head.id} heads the tree of {branch.department} and is called by {head.called_by}"
            yield _error("head-is-called", message, head.id, where, "remove called_by from the head")


def addresses_missing(tree: CallTree) -> Iterator[Finding]:
    """Somebody who cannot be called at all, or only by a way that is not set up."""
    for person in tree.people:
        where = place(tree, f"people.{person.id}")
        if not person.addresses:
            message = f"{person.id} has no address: nothing could be sent"
            yield _error("address-missing", message, person.id, where, "add email or webhook")
        elif Channel.EMAIL in person.addresses and tree.smtp is None:
            message = f"{person.id} has a mail address, and no mail server is named"
            yield _error("no-mail-server", message, person.id, place(tree, f"people.{person.id}.email"), "add smtp")


def not_called(tree: CallTree) -> Iterator[Finding]:
    """Somebody whom nobody would ever call."""
    called = {member.id for branch in tree.branches for member in tree.members(branch.department)}
    called |= {name for person in tree.people for name in person.deputies}
    called |= {name for branch in tree.branches for name in branch.escalation}
    circle = set(find_cycle({p.id: (p.called_by,) if p.called_by in tree.person and p.called_by else ()
                             for p in tree.people}))  # fmt: skip
    for person in tree.people:
        unknown_caller = person.called_by is not None and person.called_by not in tree.person
        if person.id not in called and person.id not in circle and not unknown_caller:
            where = place(tree, f"people.{person.id}")
            message = f"{person.id} is called by nobody and stands in for nobody"
            yield _error("called-by-nobody", message, person.id, where, "add called_by, or take the person out")


def in_clear(tree: CallTree) -> Iterator[Finding]:
    """Passwords, addresses or links would travel unprotected to another machine."""
    smtp = tree.smtp
    if smtp is not None and smtp.encryption is Encryption.NONE and not _is_here(smtp.host):
        where = place(tree, "smtp.encryption")
        message = f"mail to {smtp.host} would go unprotected"
        yield _error(
            "mail-in-clear", message, None, where, "write starttls or tls; none is for a server on this machine"
        )
    if smtp is not None and (smtp.user is None) is not (smtp.password_file is None):
        where = place(tree, "smtp")
        yield _error("half-a-login", "user without password_file, or the other way round", None, where, "give both")
    urls = [("link_base", tree.link_base)]
    urls += [(f"people.{item.id}.webhook", item.addresses[Channel.WEBHOOK]) for item in tree.people
             if Channel.WEBHOOK in item.addresses]  # fmt: skip
    for key, url in urls:
        parts = urlsplit(url)
        if parts.scheme == "http" and not _is_here(parts.hostname or ""):
            message = f"{key.rpartition('.')[2]} is http to another machine: it would go unprotected"
            yield _error("web-in-clear", message, None, place(tree, key), "write https")


def departments_without_tree(tree: CallTree, catalog: Catalog) -> Iterator[Finding]:
    """A department of the catalog that cannot be called out."""
    missing = [item.id for item in catalog.departments if tree.branch(item.id) is None]
    if missing:
        yield Finding(
            code="department-without-tree",
            severity=Severity.WARNING,
            message=f"no call tree for {some(missing, 12)}",
            where=place(tree, "departments"),
            next_step="add their heads and people, or hold their exercise by other means and record it",
        )


def _unknown(tree: CallTree, key: str, names: tuple[str, ...]) -> Iterator[Finding]:
    missing = [name for name in names if name not in tree.person]
    if missing:
        message = f"there is nobody called {some(missing)}"
        yield _error("unknown-person", message, missing[0], place(tree, key), "name an id of the list people")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _error(code: str, message: str, subject: str | None, where: str | None, next_step: str) -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, message=message, subject=subject, where=where, next_step=next_step
    )
