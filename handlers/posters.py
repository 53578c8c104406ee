"""A picture of one's own to share: a nickname, figures, badges, and nothing else of a person."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 600, 800
FONT = "Noto Sans CJK SC, Noto Sans SC, sans-serif"
INK, MUTED, WARM, PAPER, GOLD = "#3a2e28", "#8d7b70", "#c8553d", "#fffaf3", "#d99a2b"
FIRST_PICTOGRAM = 0x2190  # arrows, dingbats and emoji, up to where Chinese begins
LAST_PICTOGRAM = 0x2E7F
MOST = 4  # badges on one line


def plain(words: str) -> str:
    """Without emoji, which the font of the picture does not have."""
    kept = "".join(ch for ch in words if not _pictogram(ord(ch)))
    return kept.strip() or "群友"


def _pictogram(code: int) -> bool:
    joined = code in (0x200D, 0x20E3) or 0xFE00 <= code <= 0xFE0F
    return joined or FIRST_PICTOGRAM <= code <= LAST_PICTOGRAM or code >= 0x1F000


def draw(shown: Mapping[str, Any]) -> str:
    days = f"{shown['streak']}"
    rows = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{WARM}"/>',
        f'<rect x="28" y="28" width="{WIDTH - 56}" height="{HEIGHT - 56}" rx="36" fill="{PAPER}"/>',
        _text(112, plain(shown["name"]), 40, INK, bold=True),
        _text(160, f"等级 {shown['level']}" if shown["level"] else "", 26, MUTED),
        f'<circle cx="300" cy="320" r="118" fill="none" stroke="{GOLD}" stroke-width="14"/>',
        _text(342, days, 92, WARM, bold=True),
        _text(388, "天连续签到", 26, MUTED),
        _text(518, f"{shown['points']} 分", 48, INK, bold=True),
        _text(558, f"一共签到 {shown['days']} 天", 26, MUTED),
        *_badges(shown["badges"]),
        _text(738, plain(shown["group"]), 26, MUTED),
    ]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(rows)}</svg>')  # fmt: skip


def _badges(names: Sequence[str]) -> list[str]:
    shown = names[-MOST:]
    left = WIDTH / 2 - (len(shown) - 1) * 60
    rows = []
    for n, name in enumerate(shown):
        x = left + n * 120
        rows.append(f'<circle cx="{x}" cy="636" r="46" fill="{GOLD}"/>')
        rows.append(_text(646, name, 26, PAPER, bold=True, x=x))
    return rows


def _text(y: int, words: str, size: int, colour: str, *, bold: bool = False, x: float = 300) -> str:
    """Centred, and small enough to fit."""
    wide = sum(1.0 if ord(ch) > LAST_PICTOGRAM else 0.6 for ch in words) or 1.0
    size = min(size, int((WIDTH - 110) / wide))
    weight = ' font-weight="bold"' if bold else ""
    return (f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="middle" '
            f'font-family="{FONT}"{weight}>{escape(words)}</text>')  # fmt: skip
