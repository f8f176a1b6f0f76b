"""``callout.yaml`` (bytes) to the frozen call tree. Every error names file, line and field, and no address."""

from __future__ import annotations

from types import MappingProxyType

from drorch.callout.check import check_call_tree
from drorch.callout.model import Branch, CallTree, Channel, Person, Policy, Smtp
from drorch.callout.schema import CalloutFile, PersonEntry, PolicyEntry, SmtpEntry
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.model import Catalog
from drorch.catalog.text import parse_document
from drorch.core.findings import errors

EXAMPLE = "deploy/callout.example.yaml"


def load_call_tree(text: bytes, source: str) -> CallTree:
    """The call tree in ``text``. InputInvalid with ``file:line field``."""
    document = parse_document(text, source)
    file = validated(CalloutFile, document, what="a call tree", example=EXAMPLE)
    return CallTree(
        id=file.id,
        title=file.title,
        link_base=file.link_base.rstrip("/"),
        policy=_policy(file.policy),
        branches=tuple(
            Branch(department=entry.id, head=entry.head, escalation=tuple(entry.escalation))
            for entry in file.departments
        ),
        people=tuple(_person(entry) for entry in file.people),
        smtp=_smtp(file.smtp) if file.smtp else None,
        webhook_timeout_s=file.webhook_timeout,
        lines=MappingProxyType(line_index(document, ("departments", "people"))),
        source=source,
    )


def checked_call_tree(tree: CallTree, catalog: Catalog) -> CallTree:
    """The same tree when no check finds an error; else InputInvalid listing those findings."""
    found = errors(check_call_tree(tree, catalog))
    if not found:
        return tree
    raise listed([(finding.where or "callout.yaml", finding.message) for finding in found], found[0].next_step)


def _policy(entry: PolicyEntry) -> Policy:
    return Policy(
        cascade=entry.cascade,
        attempts=entry.attempts,
        retry_after_s=entry.retry_after,
        deputy_after_s=entry.deputy_after,
        ends_after_s=entry.ends_after,
        needed_share=entry.needed_share,
        shown=entry.shown,
    )


def _person(entry: PersonEntry) -> Person:
    given = {Channel.EMAIL: entry.email, Channel.WEBHOOK: entry.webhook}
    return Person(
        id=entry.id,
        name=entry.name,
        role=entry.role,
        department=entry.department,
        called_by=entry.called_by,
        deputies=tuple(entry.deputies),
        addresses=MappingProxyType({channel: address for channel, address in given.items() if address}),
    )


def _smtp(entry: SmtpEntry) -> Smtp:
    return Smtp(
        host=entry.host,
        port=entry.port,
        encryption=entry.encryption,
        sender=entry.sender,
        user=entry.user,
        password_file=entry.password_file,
        ca_file=entry.ca_file,
        timeout_s=entry.timeout,
    )
