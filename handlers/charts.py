"""Pictures as SVG: one drawing serves the page and, rasterised, the digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 720
INK, PALE, MAIN, WARM, MUTED = "#1f2937", "#e5e7eb", "#2563eb", "#dc2626", "#6b7280"
FONT = "Noto Sans CJK SC, Noto Sans SC, sans-serif"


@dataclass(frozen=True, slots=True)
class Bar:
    """`mean` is drawn as a mark across the bar; None when there is nothing to compare."""

    label: str
    value: float
    mean: float | None = None
    warn: bool = False
    than: str = "均"  # what the mark is


def bars(title: str, note: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Horizontal bars in titled groups, as wide as a phone."""
    y = 96
    body: list[str] = []
    for name, rows in groups:
        if rows:
            body.append(_text(32, y, name, 24, MUTED))
            y += 22
            top = max([1.0, *(max(b.value, b.mean or 0) for b in rows)])
            for bar in rows:
                body += _bar(bar, y, top)
                y += 46
            y += 26
    head = [_text(32, 52, title, _size(title, WIDTH - 48, 32), INK, bold=True)]
    foot = [_text(32, y + 8, note, 20, MUTED)]
    return _page(y + 32, [*head, *body, *foot])


def table(
    title: str, note: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """A table as wide as a phone: what is compared on the left, a column for each thing."""
    left, step = 170, (WIDTH - 190) // max(1, len(heads))
    body = [_cell(left + n * step, 104, head, step, MUTED) for n, head in enumerate(heads)]
    y = 124
    for n, (name, cells) in enumerate(rows):
        if n % 2 == 0:
            body.append(f'<rect x="16" y="{y}" width="{WIDTH - 32}" height="48" fill="#f3f4f6"/>')
        body.append(_cell(32, y + 32, name, left - 40, MUTED))
        body += [_cell(left + k * step, y + 32, cell, step, INK) for k, cell in enumerate(cells)]
        y += 48
    head, foot = _text(32, 52, title, 32, INK, bold=True), _text(32, y + 36, note, 20, MUTED)
    return _page(y + 60, [head, *body, foot])


def _cell(x: int, y: int, text: str, room: int, colour: str) -> str:
    """As large as the column allows; Chinese letters are as wide as they are high."""
    return _text(x, y, text, _size(text, room - 8, 23), colour)


def _size(text: str, room: int, most: int) -> int:
    wide = sum(1.0 if ord(ch) > 0x2E7F else 0.56 for ch in text) or 1.0
    return max(8, min(most, int(room / wide)))


def _page(height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="{FONT}">'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>{"".join(parts)}</svg>'
    )


def _bar(bar: Bar, y: int, top: float) -> list[str]:
    left, room = 150, 400
    width = max(round(room * bar.value / top), 3) if bar.value else 0
    colour = WARM if bar.warn else MAIN
    parts = [
        _cell(32, y + 25, bar.label, left - 32, INK),
        f'<rect x="{left}" y="{y}" width="{room}" height="32" rx="6" fill="{PALE}"/>',
        f'<rect x="{left}" y="{y}" width="{width}" height="32" rx="6" fill="{colour}"/>',
    ]
    value = f"{bar.value:g}"
    if bar.mean is not None:
        x = left + round(room * bar.mean / top)
        parts.append(f'<rect x="{x - 2}" y="{y - 4}" width="4" height="40" fill="{INK}"/>')
        value += f"  {bar.than}{bar.mean:.1f}"
    return [*parts, _text(left + room + 14, y + 25, value, 24, INK)]


def _text(x: int, y: int, text: str, size: int, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    shown = escape(plain(text))
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}"{weight}>{shown}</text>'


def plain(text: str) -> str:
    """Without what the font cannot draw: emoji and control marks would become boxes."""
    return "".join(ch for ch in text if ch.isprintable() and ord(ch) < 0x1F000 and ch != "\ufe0f")
