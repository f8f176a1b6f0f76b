"""Which values are secrets, where they are found, and in which forms a message may carry them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.adapters.ansible.secrecy import Secrecy, forms_of, secret_files_of
from drorch.adapters.ansible.vaults import variable_files_of

VAULT_PASSWORD = "vault-password-1"


def encrypted(text: str) -> str:
    """As ``ansible-vault encrypt`` makes it."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    made = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))]).encrypt(text)
    return bytes(made).decode()


def known(folder: Path, text: str, name: str = "file") -> frozenset[str]:
    """Secrets in a file with this content."""
    (folder / name).write_text(text, encoding="utf-8")
    password = folder / "vault-password"
    password.write_text(VAULT_PASSWORD + "\n")
    return Secrecy.of_files([folder / name], vault_password_file=password).values


@pytest.mark.parametrize(
    "text",
    [
        "*:*:*:drorch:hidden-1\n",
        "# a comment\nnyc.example:5432:db:drorch:hidden-1\n",
        '{"name": "k", "secret": "hidden-1"}',
        "all:\n  vars:\n    ansible_password: hidden-1\n    drorch_site: nyc\n",
        "all:\n  children:\n    db: {hosts: {a: {api_token: 'hidden-1'}}}\n",
        "[db]\na ansible_host=10.0.0.1 ansible_become_password='hidden-1'\n",
        "hidden-1\n",
    ],
)
def test_where_secrets_are_found(tmp_path: Path, text: str) -> None:
    values = known(tmp_path, text)
    assert "hidden-1" in values
    assert not {"drorch", "nyc", "10.0.0.1", "k"} & values


def test_references_and_names_of_files_are_no_secrets(tmp_path: Path) -> None:
    text = "db_password: '{{ vaulted_password }}'\ndrorch_dns_key_file: /etc/drorch/key.json\n"
    assert known(tmp_path, text) == frozenset()


def test_everything_encrypted_is_a_secret_whatever_it_is_called(tmp_path: Path) -> None:
    whole = encrypted("bind_dn: cn=drorch-7\nlist: [first-9, {inner: second-9}]\ncount: 5\n")
    assert {"cn=drorch-7", "first-9", "second-9"} <= known(tmp_path, whole)
    block = "\n".join("  " + line for line in encrypted("third-9").splitlines())
    assert "third-9" in known(tmp_path, f"greeting: !vault |\n{block}\nplain: word\n")
    (tmp_path / "vault-password").write_text("another password\n")
    assert Secrecy.of_files([tmp_path / "file"], vault_password_file=tmp_path / "vault-password").values == frozenset()


def test_the_variables_beside_an_inventory_are_looked_at(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text("all: {vars: {drorch_pgpass_file: pgpass}}\n")
    for name in ("group_vars/all/vault.yml", "host_vars/db-1.yml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text("db_password: hidden-2\n")
    (tmp_path / "group_vars/all/plain.yml").write_text("drorch_dns_key_file: key.json\n")
    assert secret_files_of(inventory) == [tmp_path / "key.json", tmp_path / "pgpass"]
    assert variable_files_of(inventory) == [
        tmp_path / "group_vars/all/plain.yml",
        tmp_path / "group_vars/all/vault.yml",
        tmp_path / "host_vars/db-1.yml",
        inventory,
    ]


@given(st.text(min_size=8, max_size=20), st.binary(max_size=7), st.binary(max_size=7))
def test_no_form_of_a_secret_passes(secret: str, before: bytes, after: bytes) -> None:
    secrecy = Secrecy(values=frozenset(forms_of(secret)))
    for text in (
        secret,
        json.dumps(secret),
        json.dumps({"msg": json.dumps(secret)}),
        quote(secret, safe=""),
        quote(secret),
    ):
        assert secret not in secrecy.text(text)
        assert text not in secrecy.text(text)
    hidden = base64.b64encode(before + secret.encode() + after).decode()
    assert hidden not in secrecy.text(f"Authorization {hidden}")


def test_short_ones_are_not_searched_for() -> None:
    assert forms_of("abc") == set()


def test_json_in_json_in_json_in_json() -> None:
    """Seen on the lab: a variable twice through to_json, in a result that Ansible prints as JSON."""
    secret = 'vau"lted \\ pass/word+71'
    secrecy, text = Secrecy(values=frozenset(forms_of(secret))), secret
    for _ in range(4):
        text = json.dumps(text)
        assert "vau" not in secrecy.text(text)
        assert "word" not in secrecy.text(text)
