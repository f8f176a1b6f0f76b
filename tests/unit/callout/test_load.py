"""Wrong call trees: each is refused with file, line and field, and no error repeats an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.callout.check import check_call_tree
from drorch.callout.files import read_private
from drorch.callout.load import load_call_tree
from drorch.callout.model import Channel
from drorch.catalog.files import load_catalog_file
from drorch.core.errors import InputInvalid
from drorch.testing.callout import SMALL_TREE_YAML

from .parts import tree_of

CASES = {
    "nobody's department": ("role: Records, department: dm", "role: Records, department: nowhere",
                            "callout.yaml:14 people.records.department", "no department"),
    "department without tree": ("role: Chief, department: dm", "role: Chief, department: ohrm",
                                "callout.yaml:12", "in"),
    "no address": (", email: records@example.org", "", "callout.yaml:14 people.records", "no address"),
    "circle": ("called_by: head", "called_by: records", "callout.yaml:13 people.finance.called_by", "a circle"),
    "calls themselves": ("called_by: finance", "called_by: records", "callout.yaml:14 people.records.called_by",
                         "circle"),
    "unknown caller": ("called_by: finance", "called_by: nobody", "callout.yaml:14 people.records.called_by",
                       "nobody called nobody"),
    "unknown deputy": ("deputies: [second]", "deputies: [third]", "callout.yaml:10 people.head.deputies", "third"),
    "own deputy": ("deputies: [second]", "deputies: [head, second]", "callout.yaml:10 people.head.deputies",
                   "own deputy"),
    "unknown head": ("head: head", "head: heda", "callout.yaml:8 departments.dm.head", "heda"),
    "head is called": ("role: Head, department: dm", "role: Head, department: dm, called_by: second",
                       "callout.yaml:10 people.head.called_by", "heads the tree"),
    "called by nobody": (", called_by: finance", "", "callout.yaml:14 people.records", "called by nobody"),
    "twice": ("id: records", "id: finance", "callout.yaml:14 people.finance#2", "twice"),
    "mail in clear": ("host: 127.0.0.1", "host: mail.example.org", "callout.yaml:6 smtp.encryption", "unprotected"),
    "link in clear": ("http://127.0.0.1:8480", "http://console.example.org", "callout.yaml:4 link_base", "unprotected"),
    "half a login": ("timeout: 2s", "timeout: 2s, user: drorch", "callout.yaml:6 smtp", "password_file"),
    "no mail server": ("smtp: {host: 127.0.0.1, port: 2525, encryption: none, sender: drorch@example.org, timeout: 2s}"
                       "\n",
                       "", "callout.yaml:9 people.head.email", "no mail server"),
    "no mail address": ("email: records@example.org", "email: records", "callout.yaml:14 people.records.email",
                        "not a mail address"),
    "two lines": ("email: records@example.org", 'email: "a@example.org\\nBcc: b@example.org"',
                  "callout.yaml:14 people.records.email", "not a mail address"),
    "no web address": ("email: records@example.org", "webhook: chat.example.org",
                       "callout.yaml:14 people.records.webhook", "not a web address"),
    "attempts without end": ("attempts: 2", "attempts: 1000", "callout.yaml:5 policy.attempts", "1000"),
    "misspelt": ("retry_after", "retry_afer", "callout.yaml:5 policy.retry_afer", "did you mean 'retry_after'"),
    "share": ("attempts: 2", "needed_share: 7", "callout.yaml:5 policy.needed_share", "7"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_tree_is_refused_with_file_line_and_field(case: str) -> None:
    old, new, where, what = CASES[case]
    assert old in SMALL_TREE_YAML
    with pytest.raises(InputInvalid) as refused:
        tree_of(SMALL_TREE_YAML.replace(old, new, 1))
    told = str(refused.value)
    assert where in told
    assert what in told
    assert "records@example" not in told


def test_the_small_tree_is_sound_and_knows_its_levels() -> None:
    tree = tree_of()
    assert [item.id for item in tree.members("dm")] == ["head", "finance", "records"]
    assert tree.addresses(["dm"]) == {
        (Channel.EMAIL, f"{name}@example.org") for name in ("head", "second", "chief", "finance", "records")
    }
    assert "example.org" not in repr(tree.people)


def test_the_example_is_sound_with_the_sample_catalog() -> None:
    text = Path("deploy/callout.example.yaml").read_bytes()
    catalog = load_catalog_file(Path("app_catalog.yaml"))
    found = check_call_tree(load_call_tree(text, "deploy/callout.example.yaml"), catalog)
    assert [item.code for item in found] == ["department-without-tree"]


def test_addresses_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "callout.yaml"
    path.write_text(SMALL_TREE_YAML)
    path.chmod(0o644)
    with pytest.raises(InputInvalid, match="chmod 600"):
        read_private(path)
    path.chmod(0o600)
    assert read_private(path) == SMALL_TREE_YAML.encode()
