"""The files of the board's page, which hold nothing of a stub: whoever reaches its door may have them."""

from __future__ import annotations

from collections.abc import Mapping

FILES: Mapping[str, tuple[str, str]] = {
    "/stub/": ("page.html", "text/html"),
    "/stub/board/style.css": ("style.css", "text/css"),
    **{f"/stub/board/{name}": (name, "text/javascript") for name in ("board.js", "parts.js", "views.js")},
}
"""Path -> file beside this one, and its type."""
