"""The content id of a catalog, and a catalog out of its JSON form (``catalog.json`` of a run, ``--json``)."""

from __future__ import annotations

from dataclasses import replace

from drorch.catalog.model import Catalog
from drorch.core.codec import plain, read
from drorch.core.errors import InputInvalid
from drorch.core.ids import content_hash

_NEXT = "write it again from the YAML file"


def identified(catalog: Catalog) -> Catalog:
    """The same catalog with the content id that its data have; line numbers and the file's name are not among them."""
    content = plain(catalog)
    del content["content_id"]
    return replace(catalog, content_id=content_hash(content))


def catalog_from_json(data: object, where: str = "catalog.json") -> Catalog:
    """A catalog out of its JSON form. InputInvalid when it is none, or its content id does not fit."""
    catalog = read(Catalog, data, where=where, next_step=_NEXT)
    if identified(catalog).content_id != catalog.content_id:
        what = "the catalog's content id does not fit its content: it was changed afterwards"
        raise InputInvalid(what, where=where, next_step=_NEXT)
    return catalog
