"""The rules of an app's menu."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.world import ApiError

_KEYED = frozenset(
    {
        "click",
        "location_select",
        "pic_photo_or_album",
        "pic_sysphoto",
        "pic_weixin",
        "scancode_push",
        "scancode_waitmsg",
    }
)
Block = Mapping[str, Any]


def check_menu(menu: Block) -> None:
    """One to three buttons, each an action itself or a folder of one to five."""
    for button in _level(menu, "button", 3):
        _check_name(button, 16)
        if "sub_button" not in button:
            _check_action(button)
            continue
        for inner in _level(button, "sub_button", 5):
            _check_name(inner, 40)
            _check_action(inner)


def _level(block: Block, name: str, most: int) -> list[Block]:
    found = block.get(name)
    if not isinstance(found, list) or not 1 <= len(found) <= most:
        raise ApiError(40016, f"{name} must hold 1 to {most}")
    return found


def _check_name(button: Block, most: int) -> None:
    name = button.get("name")
    if not isinstance(name, str) or not 0 < len(name.encode()) <= most:
        raise ApiError(40018, "invalid button name")


def _check_action(button: Block) -> None:
    kind = button.get("type")
    if kind in _KEYED:
        _check_text(button, "key", 128, 40017)
    elif kind == "view":
        _check_text(button, "url", 1024, 40039)
    elif kind == "view_miniprogram":
        _check_text(button, "pagepath", 1024, 40058)
    else:
        raise ApiError(40017, "invalid button type")


def _check_text(button: Block, name: str, most: int, code: int) -> None:
    value = button.get(name)
    if not isinstance(value, str) or not 0 < len(value.encode()) <= most:
        raise ApiError(code, f"invalid button {name}")
