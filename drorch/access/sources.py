"""``access.yaml``: which systems are asked, how, and which part of the capacity model each of them tells about.

Secrets are never in the file: it names files that hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from drorch.access.model import CapacityModel
from drorch.access.schema import Duration
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.schema import Line, Slug, Strict
from drorch.catalog.text import parse_document

EXAMPLE = "docs/citrix.md"


class SourceKind(StrEnum):
    """What answers."""

    NETSCALER = "netscaler"
    MONITOR = "monitor"
    CVAD = "cvad"
    CLOUD_LICENCE = "cloud-licence"
    LICENCE_FILE = "licence-file"
    LOGIN = "login"


class Way(StrEnum):
    """The way a synthetic login takes."""

    STOREFRONT = "storefront"
    GATEWAY_CLASSIC = "gateway-classic"
    GATEWAY_NFACTOR = "gateway-nfactor"


class AuthKind(StrEnum):
    """How drorch says who it is."""

    PER_REQUEST = "per-request"
    SESSION = "session"
    NTLM = "ntlm"
    BASIC = "basic"
    CLOUD = "cloud"


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """One source. Which fields are filled depends on the kind; paths are absolute or relative to the file's folder."""

    id: str
    kind: SourceKind
    interval_s: float
    urls: tuple[str, ...] = ()
    auth: AuthKind | None = None
    user: str | None = None
    secret_file: Path | None = None
    """Holds the password or the client secret; for its owner only."""
    ca_file: Path | None = None
    token_url: str | None = None
    customer: str | None = None
    client_id: str | None = None
    gateway: str | None = None
    site: str | None = None
    licence: str | None = None
    pools: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Delivery group, or ``group@zone``, to the id of a pool."""
    products: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    file: Path | None = None
    way: Way | None = None
    store: str = "/Citrix/StoreWeb"
    expect: int = 1
    launch: str | None = None
    """Name of a resource for which a launch is asked (it may power on a machine)."""
    call_s: float = 30.0


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not an address like https://host/path without name, password or query")
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise ValueError(f"{text!r} is not encrypted: a password would go over it; write https")
    return text.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Url = Annotated[str, AfterValidator(_url)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Every = Annotated[Duration, Field(ge=60, le=86_400)]


class _Source(Strict):
    id: Slug
    ca_file: Line | None = None
    call: Annotated[Duration, Field(le=120)] = 30.0


class _Cloud(_Source):
    token_url: Url | None = None
    customer: Line | None = None
    client_id: Line | None = None


class NetscalerEntry(_Source):
    """A gateway or both nodes of a pair, read over NITRO."""

    kind: Literal["netscaler"]
    urls: Annotated[list[Url], Field(min_length=1, max_length=2)]
    auth: Literal["per-request", "session"] = "per-request"
    user: Name
    secret_file: Line
    gateway: Slug
    every: Every = 300.0


class MonitorEntry(_Cloud):
    """The monitor service (OData v4) of a Citrix site."""

    kind: Literal["monitor"]
    url: Url
    auth: Literal["ntlm", "cloud"]
    user: Name | None = None
    secret_file: Line
    site: Slug
    every: Every = 300.0


class CvadEntry(_Cloud):
    """The REST service of a Citrix site: machines by pool, licences in use."""

    kind: Literal["cvad"]
    url: Url
    auth: Literal["basic", "cloud"]
    user: Name | None = None
    secret_file: Line
    pools: Annotated[dict[Name, Slug], Field(min_length=1)]
    licence: Slug | None = None
    every: Every = 300.0


class CloudLicenceEntry(_Cloud):
    """The licence usage of Citrix Cloud."""

    kind: Literal["cloud-licence"]
    url: Url
    secret_file: Line
    licence: Slug
    every: Annotated[Duration, Field(ge=900, le=86_400)] = 900.0


class LicenceFileEntry(Strict):
    """A file written on the licence server by a scheduled job (docs/citrix.md); the vendor asks for 15 minutes."""

    id: Slug
    kind: Literal["licence-file"]
    file: Line
    products: Annotated[dict[Name, Slug], Field(min_length=1)]
    every: Annotated[Duration, Field(ge=900, le=86_400)] = 900.0


class LoginEntry(_Source):
    """A synthetic login."""

    kind: Literal["login"]
    url: Url
    way: Literal["storefront", "gateway-classic", "gateway-nfactor"]
    store: Annotated[str, Field(pattern=r"^/[A-Za-z0-9/_-]{1,100}$")] = "/Citrix/StoreWeb"
    user: Name
    secret_file: Line
    site: Slug
    expect: Annotated[int, Field(ge=1, le=10_000)] = 1
    launch: Name | None = None
    every: Every = 900.0


AnyEntry = Annotated[
    NetscalerEntry | MonitorEntry | CvadEntry | CloudLicenceEntry | LicenceFileEntry | LoginEntry,
    Field(discriminator="kind"),
]


class SourcesFile(Strict):
    """The whole file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    sources: Annotated[list[AnyEntry], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _whole(self) -> SourcesFile:
        ids = [entry.id for entry in self.sources]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"two sources are called {name}")
        return self


def load_sources(text: bytes, source: str, folder: Path, model: CapacityModel) -> tuple[SourceConfig, ...]:
    """The sources in ``text``, checked against the capacity model they tell about. InputInvalid with file and line."""
    document = parse_document(text, source)
    file = validated(SourcesFile, document, what="a sources file", example=EXAMPLE)
    lines = line_index(document, ("sources",))
    found = tuple(_config(entry, folder) for entry in file.sources)
    wrong = [
        (f"{source}:{lines.get(f'sources.{item.id}', 1)} sources.{item.id}", what)
        for item in found
        for what in (*_unfit(item), *_unknown(item, model))
    ]
    if wrong:
        raise listed(wrong)
    return found


def _config(entry: AnyEntry, folder: Path) -> SourceConfig:
    data = entry.model_dump(exclude_none=True, exclude={"call", "every", "url", "urls"})
    for name in ("secret_file", "ca_file", "file"):
        if name in data:
            data[name] = folder / data[name]
    for name in ("pools", "products"):
        if name in data:
            data[name] = MappingProxyType(dict(data[name]))
    data["kind"] = SourceKind(data["kind"])
    data["auth"] = AuthKind(data["auth"]) if "auth" in data else None
    data["way"] = Way(data["way"]) if "way" in data else None
    if isinstance(entry, CloudLicenceEntry):
        data["auth"] = AuthKind.CLOUD
    urls = tuple(getattr(entry, "urls", ())) or ((entry.url,) if hasattr(entry, "url") else ())
    return SourceConfig(**data, urls=urls, interval_s=entry.every, call_s=getattr(entry, "call", 30.0))


def _unfit(item: SourceConfig) -> list[str]:
    if item.auth is AuthKind.CLOUD and not (item.customer and item.client_id and item.token_url):
        return ["the cloud asks for customer, client_id and token_url"]
    if item.auth in (AuthKind.NTLM, AuthKind.BASIC) and not item.user:
        return [f"{item.auth.value} asks for a user"]
    return []


def _unknown(item: SourceConfig, model: CapacityModel) -> list[str]:
    known = {
        "gateway": {entry.id for entry in model.gateways},
        "licence": {entry.id for entry in model.licences},
        "pool": {entry.id for entry in model.pools},
        "site": set(model.sites),
    }
    named = [("gateway", item.gateway), ("licence", item.licence), ("site", item.site)]
    named += [("pool", name) for name in item.pools.values()] + [("licence", name) for name in item.products.values()]
    return [
        f"there is no {what} {name!r} in the capacity model"
        for what, name in named
        if name is not None and name not in known[what]
    ]
