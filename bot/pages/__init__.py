"""Pages that are written to a file: made once, read anywhere, asking nothing of a server."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent


@cache
def _pages() -> Environment:
    """A hostile nickname or script is text like any other."""
    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def page(name: str, **values: Any) -> str:
    return _pages().get_template(f"{name}.html").render(**values)
