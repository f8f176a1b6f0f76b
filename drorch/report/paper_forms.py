"""A paper for people in the forms in which it leaves drorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from drorch.report.page import Page
from drorch.report.paper import page_as_data, page_as_html, pdf_template


@dataclass(frozen=True, kw_only=True)
class Papers:
    """``font_faces``: CSS with the fonts that a text needs. ``typeset``: template, data, date to the bytes of a PDF."""

    font_faces: Callable[[str], str]
    typeset: Callable[[str, Mapping[str, object], datetime], bytes]

    def html(self, page: Page) -> str:
        """One page, nothing fetched."""
        return page_as_html(page, self.font_faces(page_as_html(page)))

    def pdf(self, page: Page, made_at: str) -> bytes:
        """With ``made_at`` (ISO 8601) as its date. Broken without the packages of the extra ``pdf``."""
        return self.typeset(pdf_template(), page_as_data(page), datetime.fromisoformat(made_at))
