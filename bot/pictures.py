"""SVG to PNG, with the font that comes in a package, so that 中文 shows on a bare machine."""

import functools
from pathlib import Path

import noto_cjk_sans_otc
import resvg_py


@functools.cache
def font() -> str:
    """The font file of the package."""
    folder = Path(noto_cjk_sans_otc.__file__).parent
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".otc", ".ttc", ".otf"))
    return str(found[0])


def png(svg: str) -> bytes:
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, font_files=[font()], skip_system_fonts=True))
