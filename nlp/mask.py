"""Personal numbers out of texts that are stored or logged: 138****1234."""

import re

from nlp import slots

# Longest first, so that an ID number is not half masked as a telephone.
PATTERNS = (
    re.compile(r"(?<![0-9A-Za-z])(\d{6})\d{8}(\d{3}[\dXx])(?![0-9A-Za-z])"),
    re.compile(r"(?<!\d)(1[3-9]\d)[- ]?\d{4}[- ]?(\d{4})(?!\d)"),
)
PLATE = re.compile(rf"([{slots.PROVINCES}][A-Za-z])[·. ]?([A-Za-z0-9]{{5,6}})(?![A-Za-z0-9])")
WIDE = str.maketrans("０１２３４５６７８９－", "0123456789-")


def phones(text: str) -> str:
    """The text with mobile numbers, identity numbers and plates masked; the rest as it was."""
    narrow = text.translate(WIDE)
    for pattern in PATTERNS:
        narrow = pattern.sub(_stars, narrow)
    narrow = PLATE.sub(_plate, narrow)
    return narrow


def _stars(m: re.Match[str]) -> str:
    hidden = 8 if len(m[1]) == 6 else 4
    return m[1] + "*" * hidden + m[2]


def _plate(m: re.Match[str]) -> str:
    if sum(c.isdigit() for c in m[2]) < 2:
        return m.group()
    return m[1] + "*" * (len(m[2]) - 2) + m[2][-2:]
