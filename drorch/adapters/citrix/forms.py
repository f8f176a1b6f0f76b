"""The forms of a login as XML: what is asked for, where to send it, and what the answer means. Nothing is hard-coded:
names of fields, labels of buttons and addresses differ by deployment and language."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from drorch.access.ports import SourceFailed, Trouble

_CHANGE = frozenset({"oldpassword", "newpassword", "confirmpassword"})
_SECOND = frozenset({"passcode", "otp", "pushtoken", "certificate", "webauthn", "tokencode"})


class Verdict(StrEnum):
    """What a form says."""

    SUCCESS = "success"
    ASKS_PASSWORD = "asks-password"
    SECOND_FACTOR = "second-factor"
    CHANGE_PASSWORD = "change-password"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form as parsed. ``fields`` are id and type in their order; ``values`` what it came with."""

    verdict: Verdict
    post_back: str
    state: str
    fields: tuple[tuple[str, str], ...]
    values: Mapping[str, str]

    def filled(self, user: str, password: str) -> dict[str, str]:
        """The form's own fields with name and password in them. SourceFailed when it has no place for them."""
        found = dict(self.values)
        kinds = {kind for _, kind in self.fields}
        if not {"username", "password"} <= kinds:
            raise SourceFailed(
                Trouble.PARSE,
                "the login form has no field for a name and a password",
                where=self.post_back or "login form",
                next_step="look at the form in a browser",
            )
        for name, kind in self.fields:
            if kind in ("username", "password"):
                found[name] = user if kind == "username" else password
        found["StateContext"] = self.state
        return found

    def __repr__(self) -> str:
        return f"Form({self.verdict.value})"


def read_form(body: bytes, where: str) -> Form:
    """The form in an ``AuthenticateResponse``. SourceFailed when it is none."""
    root = parse_xml(body, where)
    if _name(root) != "AuthenticateResponse":
        raise _unreadable(where, f"an {_name(root)} instead of a login form")
    fields, values = _fields(root)
    return Form(
        verdict=_verdict(_text(root, "Result"), {kind for _, kind in fields}),
        post_back=_text(root, "PostBack"),
        state=_text(root, "StateContext"),
        fields=fields,
        values=values,
    )


def parse_xml(body: bytes, where: str) -> ET.Element:
    """The root. Document types are refused: entities could unfold into anything."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise _unreadable(where, "XML with a document type")
    try:
        return ET.fromstring(body)
    except ET.ParseError:
        raise _unreadable(where, "the XML is cut off or none") from None


def attribute_urls(root: ET.Element) -> Mapping[str, str]:
    """Every ``...URL`` attribute and element of a configuration, by its lower-case name."""
    found: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.lower().endswith("url"):
                found[f"{_name(element).lower()}.{name.lower()}"] = value
    return found


def method_urls(root: ET.Element) -> Mapping[str, str]:
    """Ways to log in: name of the method to its address."""
    return {
        element.attrib["name"]: element.attrib.get("url", "")
        for element in root.iter()
        if _name(element) == "method" and "name" in element.attrib
    }


def _fields(root: ET.Element) -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
    fields: list[tuple[str, str]] = []
    values: dict[str, str] = {}
    for requirement in (element for element in root.iter() if _name(element) == "Requirement"):
        credential = next((item for item in requirement if _name(item) == "Credential"), None)
        name = _text(credential, "ID") if credential is not None else ""
        if credential is None or not name:
            continue
        kind = _text(credential, "Type").lower()
        fields.append((name, kind))
        button = _text(requirement, "Button")
        if button:
            values[name] = button
        elif kind == "savecredentials":
            values[name] = "false"
        else:
            initial = _text(requirement, "InitialValue")
            if initial:
                values[name] = initial
    return tuple(fields), values


def _verdict(result: str, kinds: set[str]) -> Verdict:
    if result == "success":
        return Verdict.SUCCESS
    if result == "update-credentials" or kinds & _CHANGE:
        return Verdict.CHANGE_PASSWORD
    if result != "more-info":
        return Verdict.FAILED
    if kinds & _SECOND:
        return Verdict.SECOND_FACTOR
    return Verdict.ASKS_PASSWORD if "password" in kinds else Verdict.SECOND_FACTOR


def _text(element: ET.Element, name: str) -> str:
    found = next((item for item in element.iter() if _name(item) == name), None)
    return (found.text or "").strip() if found is not None else ""


def _name(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _unreadable(where: str, what: str) -> SourceFailed:
    return SourceFailed(
        Trouble.PARSE, f"the answer is not as documented: {what}", where=where, next_step="look at the version"
    )
