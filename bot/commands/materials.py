"""materials: pictures, films and owners' words that go with the scripts."""

import shutil
from datetime import date, datetime
from pathlib import Path

import click

from bot.clock import WallClock
from bot.commands.common import WRONG_USE, Options, fail, json_option, opened, show, told
from bot.config import Config
from handlers.materials import FILMS, KINDS, OWNERS, PICTURES
from nlp.labels import CONCERNS
from storage import materials as rows
from storage.materials import Material

MB = 1024 * 1024
LARGEST = {**dict.fromkeys(PICTURES, 10 * MB), **dict.fromkeys(FILMS, 10 * MB)}
FILE_MB = 20
BY = "命令行"


@click.group()
def materials() -> None:
    """素材库：图片、视频、文件，车主的试驾感受和提车分享。"""


@materials.command()
@click.argument("place", required=False, metavar="[文件或网址]")
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="哪一类")
@click.option("--title", required=True, help="标题，顾问按它找")
@click.option("--words", default="", help="随素材发的文字；感受和分享写车主的话")
@click.option("--model", "models", multiple=True, help="哪款车，可写多次")
@click.option("--concern", "concerns", multiple=True, type=click.Choice(list(CONCERNS)),
              help="对应的关注点，可写多次")  # fmt: skip
@click.option("--consent", default="", help="谁在什么时候同意使用；感受和分享必填")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="用到哪一天，过后自动不用")
@click.pass_obj
def add(
    options: Options, place: str | None, kind: str, title: str, words: str,
    models: tuple[str, ...], concerns: tuple[str, ...], consent: str, until: datetime | None,
) -> None:  # fmt: skip
    """加一份素材；文件会复制进素材目录。"""
    if kind in OWNERS and not consent.strip():
        fail("试驾感受和提车分享要写 --consent：谁在什么时候同意使用", WRONG_USE)
    if not place and not words:
        fail("给一个文件、一个网址，或用 --words 写文字", WRONG_USE)
    with told():
        config = options.load()
        with opened(config) as store:
            now = WallClock().now()
            n = len(rows.everything(store)) + 1
            kept = _kept(place, f"m{n}", config) if place else ""
            found = Material(
                f"m{n}", kind, title, kept, words, " ".join(models), " ".join(concerns), consent,
                until.date() if until else None, "live", now, BY,
            )  # fmt: skip
            with store.atomic():
                rows.add(store, found)
    click.echo(f"已加素材 {found.id}：“{title}”。话术的“附件”栏写 {found.id} 就会一起发。")


def _kept(place: str, key: str, config: Config) -> str:
    """A web address as it is; a file copied, so that nobody moves it away."""
    if place.startswith(("https://", "http://")):
        return place
    path = Path(place)
    if not path.is_file():
        fail(f"没有文件 {place}", WRONG_USE)
    suffix = path.suffix.lower()
    most = LARGEST.get(suffix, FILE_MB * MB)
    if not 5 < path.stat().st_size <= most:
        fail(f"{path.name} 有 {path.stat().st_size} 字节，企业微信只收 6 字节到 {most // MB} MB")
    config.materials().mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, config.materials() / f"{key}{suffix}")
    return f"{key}{suffix}"


@materials.command("list")
@json_option
@click.pass_obj
def list_(options: Options, as_json: bool) -> None:
    """全部素材：在用的、停用的、过期的。"""
    with told():
        config = options.load()
        with opened(config) as store:
            found = rows.everything(store)
    table = [{"id": m.id, "kind": m.kind, "title": m.title, "place": m.place, "models": m.models,
              "consent": m.consent, "until": m.valid_to, "state": _state(m)}
             for m in found]  # fmt: skip
    columns = {"id": "编号", "kind": "类", "title": "标题", "place": "文件", "models": "车型",
               "consent": "同意", "until": "用到", "state": "状态"}  # fmt: skip
    show(table, columns, as_json=as_json)


def _state(material: Material) -> str:
    over = material.valid_to is not None and material.valid_to < _today()
    return "停用" if material.state != "live" else "过期" if over else "在用"


def _today() -> date:
    return WallClock().now().date()


@materials.command()
@click.argument("material_id", metavar="编号")
@click.pass_obj
def stop(options: Options, material_id: str) -> None:
    """停用一份素材，例如车主撤回了同意。"""
    with told(), opened(options.load()) as store, store.atomic():
        done = rows.stop(store, material_id)
    if not done:
        fail(f"没有在用的素材 {material_id}")
    click.echo(f"素材 {material_id} 已停用。")
