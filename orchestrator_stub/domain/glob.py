"""Patterns as users write them: `*` stands for any text, `?` for one character, all else for itself."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression, for `fullmatch`; case counts, brackets are brackets."""
    words = map(re.escape, re.split(r"([*?])", pattern))
    return re.compile("".join({r"\*": ".*", r"\?": "."}.get(word, word) for word in words), re.DOTALL)
