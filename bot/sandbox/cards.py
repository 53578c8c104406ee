"""The rules of template cards, each with the code the platform refuses it with."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.sandbox.world import ApiError

INTERACTIVE = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})
CARD_TYPES = INTERACTIVE | {"text_notice", "news_notice"}
_TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")
_OBJECTS = (
    *("source", "action_menu", "main_title", "quote_area", "emphasis_content", "card_action"),
    *("card_image", "image_text_area", "button_selection", "checkbox", "submit_button"),
)
_KEY_BYTES = 1024
_OPTION_BYTES = 128

Block = Mapping[str, Any]


def check(card: Block) -> None:
    """Raise the first rule the card breaks."""
    kind = card.get("card_type")
    if kind not in CARD_TYPES:
        raise ApiError(42031, "invalid template_card.card_type")
    _check_shapes(card)
    _check_task(card)
    _check_lists(card)
    _check_menu(card)
    _BY_TYPE[kind](card)


def answers(card: Block) -> bool:
    """Whether a tap on the card calls back, so that it needs an address and gets a code."""
    return card.get("card_type") in INTERACTIVE or bool(card.get("action_menu"))


def buttons(card: Block) -> Iterator[tuple[str, str, str]]:
    """Text, key and event of everything on the card that calls back when pressed."""
    kind = card["card_type"]
    for button in _blocks(card, "button_list") if kind == "button_interaction" else ():
        if button.get("type", 0) == 0:
            yield button["text"], button["key"], "template_card_event"
    if kind in ("vote_interaction", "multiple_interaction"):
        submit = card["submit_button"]
        yield submit["text"], submit["key"], "template_card_event"
    for action in _blocks(card.get("action_menu") or {}, "action_list"):
        yield action["text"], action["key"], "template_card_menu_event"


def choices(card: Block, chosen: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    """What stands selected when a button is pressed: given, or else preselected."""
    return [
        {"QuestionKey": key, "OptionIds": {"OptionId": list(chosen.get(key, preset))}}
        for key, preset in _questions(card)
    ]


def _questions(card: Block) -> Iterator[tuple[str, list[str]]]:
    kind = card["card_type"]
    if kind == "vote_interaction":
        box = card["checkbox"]
        ticked = [one["id"] for one in box["option_list"] if one.get("is_checked")]
        yield box["question_key"], ticked
    selections = [card.get("button_selection")] if kind == "button_interaction" else []
    lists = _blocks(card, "select_list") if kind == "multiple_interaction" else []
    for block in (*selections, *lists):
        if block:
            first = block["option_list"][0]["id"]
            yield block["question_key"], [block.get("selected_id") or first]


def _check_shapes(card: Block) -> None:
    for name in _OBJECTS:
        if not isinstance(card.get(name), Mapping | None):
            raise ApiError(40058, f"{name} must be an object")


def _check_task(card: Block) -> None:
    task_id = card.get("task_id")
    if task_id is None and not answers(card):
        return
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
        raise ApiError(42014, "invalid task_id")


def _check_lists(card: Block) -> None:
    for entry in _limited(card, "horizontal_content_list", 6, 42035):
        _need(entry, "keyname", 42027)
        _check_target(entry, {1: ("url", 42028), 2: ("media_id", 42029), 3: ("userid", 42050)})
    for entry in _limited(card, "vertical_content_list", 4, 42036):
        _need(entry, "title", 42033)
    for entry in _limited(card, "jump_list", 3, 42042):
        _need(entry, "title", 42033)
        _check_target(entry, {1: ("url", 42028), 2: ("appid", 42030)})


def _check_target(entry: Block, needs: Mapping[int, tuple[str, int]]) -> None:
    """A block of a type that leads somewhere must say where."""
    found = needs.get(entry.get("type", 0))
    if found:
        _need(entry, *found)


def _check_menu(card: Block) -> None:
    menu = card.get("action_menu")
    if not menu:
        return
    actions = _limited(menu, "action_list", 3, 40058, least=1)
    for action in actions:
        _check_button(action)
    if len({action["key"] for action in actions}) < len(actions):
        raise ApiError(42051, "action_menu keys clash")


def _text_notice(card: Block) -> None:
    if not _title(card) and not card.get("sub_title_text"):
        raise ApiError(42033, "missing main_title.title or sub_title_text")
    _check_action(card)


def _news_notice(card: Block) -> None:
    if not _title(card):
        raise ApiError(42033, "missing main_title.title")
    _check_action(card)
    image = card.get("card_image")
    if image is None and not card.get("image_text_area"):
        raise ApiError(42044, "missing card_image or image_text_area")
    if image is not None:
        _check_image(image)


def _check_image(image: Any) -> None:
    if not isinstance(image, Mapping) or not image.get("url"):
        raise ApiError(42044, "missing card_image.url")
    if not 1.3 <= float(image.get("aspect_ratio", 1.3)) <= 2.25:
        raise ApiError(40058, "card_image.aspect_ratio out of range")


def _check_action(card: Block) -> None:
    action = card.get("card_action")
    if not isinstance(action, Mapping) or action.get("type") not in (1, 2):
        raise ApiError(42045, "missing or invalid card_action")
    _check_target(action, {1: ("url", 42028), 2: ("appid", 42030)})


def _button_interaction(card: Block) -> None:
    selection = card.get("button_selection")
    if selection is not None:
        _check_question(selection, 10)
    found = _limited(card, "button_list", 6, 42048, least=1)
    for button in found:
        _check_button(button)
    keys = [button["key"] for button in found if button.get("type", 0) == 0]
    if len(set(keys)) < len(keys):
        raise ApiError(42039, "button keys clash")


def _check_button(button: Block) -> None:
    _need(button, "text", 42038)
    if button.get("type", 0) == 1:
        _need(button, "url", 42028)
        return
    if _size(_need(button, "key", 42039)) > _KEY_BYTES:
        raise ApiError(42039, "button key too long")


def _vote_interaction(card: Block) -> None:
    checkbox = card.get("checkbox")
    if not isinstance(checkbox, Mapping):
        raise ApiError(42037, "missing checkbox")
    _check_question(checkbox, 20)
    _check_submit(card)


def _multiple_interaction(card: Block) -> None:
    for question in _limited(card, "select_list", 3, 42047, least=1):
        _check_question(question, 10)
    _check_submit(card)


def _check_question(question: Block, most: int) -> None:
    _need(question, "question_key", 42043)
    for option in _limited(question, "option_list", most, 42037, least=1):
        if _size(_need(option, "id", 42040)) > _OPTION_BYTES:
            raise ApiError(42040, "option id too long")
        _need(option, "text", 42041)


def _check_submit(card: Block) -> None:
    submit = card.get("submit_button")
    if not isinstance(submit, Mapping):
        raise ApiError(42046, "missing submit_button")
    _need(submit, "text", 42049)
    _need(submit, "key", 42046)


def _title(card: Block) -> str:
    main = card.get("main_title")
    return str(main.get("title") or "") if isinstance(main, Mapping) else ""


def _need(block: Block, name: str, code: int) -> str:
    value = block.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(code, f"missing {name}")
    return value


def _limited(block: Block, name: str, most: int, code: int, least: int = 0) -> list[Block]:
    found = block.get(name)
    if found is None:
        found = []
    if not isinstance(found, list) or not least <= len(found) <= most:
        raise ApiError(code, f"{name} must hold {least} to {most}")
    if not all(isinstance(one, Mapping) for one in found):
        raise ApiError(40058, f"{name} must hold objects")
    return found


def _blocks(block: Block, name: str) -> list[Block]:
    found: list[Block] = block.get(name) or []
    return found


def _size(text: str) -> int:
    return len(text.encode())


_BY_TYPE = {
    "text_notice": _text_notice,
    "news_notice": _news_notice,
    "button_interaction": _button_interaction,
    "vote_interaction": _vote_interaction,
    "multiple_interaction": _multiple_interaction,
}
