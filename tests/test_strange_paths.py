"""What a stranger puts into an address never names a file, on any route of the program."""

import re

import aiohttp
import pytest
from yarl import URL

from bot import server

HOLE = re.compile(r"\{[^}]+\}")
OUT = (
    "../config.toml", "%2e%2e%2fconfig.toml", "..%5c..%5cconfig.toml", "%2fetc%2fpasswd",
    "....//config.toml", "%00", "style.css%00.html", "file:%2f%2f%2fetc%2fpasswd",
    "http:%2f%2f127.0.0.1%2f", "%f0%9f%98%80",
)  # fmt: skip


@pytest.fixture
def holes(played):
    """The paths that hold something which the visitor chooses."""
    found = server.routes(played.running, {}, 3600)
    return sorted({r.path for r in found if HOLE.search(r.path) and r.method in ("GET", "*")})


async def test_no_address_leads_out_of_the_program(played, holes):
    assert len(holes) >= 8
    async with aiohttp.ClientSession() as http:
        for path in holes:
            for name in OUT:
                url = URL(played.url + HOLE.sub(lambda _, n=name: n, path), encoded=True)
                async with http.get(url, allow_redirects=False) as answer:
                    body = await answer.text(errors="replace")
                    assert answer.status in (301, 302, 303, 400, 401, 403, 404, 405), (path, name)
                    assert "root:" not in body
                    assert "[wecom" not in body
