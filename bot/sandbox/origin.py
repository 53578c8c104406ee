"""Who may move the sandbox: its own page, and scripts on this machine; no other site's page."""

from aiohttp import web

LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
FOREIGN = "沙盒只接受本机页面或脚本的请求。"


def ours(request: web.Request) -> bool:
    """Another site's page would name itself as the origin, or this machine by another name."""
    host = request.host.rsplit(":", 1)[0] if request.host.count(":") < 2 else request.host
    origin = request.headers.get("Origin", "")
    same = not origin or origin == f"http://{request.host}"
    return host in LOCAL and same


def refusal() -> web.Response:
    return web.json_response({"ok": False, "error": FOREIGN}, status=403)
