"""The material library: added with consent, found in the chat, uploaded once, renewed in time."""

import json
from datetime import date, timedelta

import pytest
from click.testing import CliRunner

from bot import pictures
from bot.cli import main
from handlers import library
from handlers.values import Media, Send
from storage import materials
from storage.materials import Material
from storage.sqlite import Sqlite


def material(talk, key, kind="图片", title="S6 雪地", place="m1.png", **more):
    given = {"words": "", "models": "S6", "concerns": "range", "consent": "", "valid_to": None,
             "state": "live", "at": talk.now, "by_whom": "运营", **more}  # fmt: skip
    materials.add(talk.db, Material(key, kind, title, place, **given))


# In the chat


def test_an_advisor_finds_and_is_handed_a_picture(talk):
    material(talk, "m1")
    talk.says("zhang", "素材 雪地")
    assert "1. [图片] S6 雪地" in talk.texts()

    did = talk.says("zhang", "发素材 1")

    assert did == [Media("zhang", "image", "m1", "S6 雪地", "m1.png")]


def test_an_owners_words_come_as_text(talk):
    material(talk, "m2", "提车分享", "三口之家提车", "", words="后排放两个安全座椅刚好")
    talk.says("zhang", "素材 提车")

    assert talk.says("zhang", "发素材 1") == [Send("zhang", "后排放两个安全座椅刚好")]


def test_concerns_find_it_too_and_other_words_do_not(talk):
    material(talk, "m1")

    talk.says("zhang", "素材 续航")
    assert "S6 雪地" in talk.texts()
    talk.says("zhang", "素材 婚车")
    assert "没有这样的素材" in talk.texts()


@pytest.mark.parametrize("more", [{"valid_to": date(2026, 3, 5)}, {"state": "stopped"}])
def test_what_is_over_is_not_offered(talk, more):
    material(talk, "m1", **more)

    talk.says("zhang", "素材")

    assert "没有这样的素材" in talk.texts()


def test_what_was_stopped_meanwhile_is_not_handed_over(talk):
    material(talk, "m1")
    talk.says("zhang", "素材 雪地")
    materials.stop(talk.db, "m1")

    assert "停用或过期" in talk.says("zhang", "发素材 1")[0].text


def test_a_scripts_attachment_comes_with_it(talk, knowledge):
    talk.says("zhang", "客户王女士问：S6 冬天续航怎么样")
    uses = json.loads(
        talk.db.rows("select body from dialogs where kind='suggest' order by at desc limit 1")[0][
            "body"
        ]
    )["uses"]
    script = knowledge.bank.get(uses[0][1])
    material(talk, "m1")
    knowledge.bank.put(library.replace(script, attachments=("m1", "gone")))
    try:
        did = talk.says("zhang", "采用 1")
    finally:
        knowledge.bank.put(script)

    assert any(isinstance(a, Media) and a.material == "m1" for a in did)


# Uploads


def test_an_upload_is_good_for_just_under_three_days(talk):
    material(talk, "m1")
    materials.uploaded(talk.db, "m1", "MEDIA-1", talk.now)

    assert materials.media_of(talk.db, "m1", talk.now + timedelta(hours=69)) == "MEDIA-1"
    assert materials.media_of(talk.db, "m1", talk.now + timedelta(hours=71)) == ""


def pictures_of(played):
    """The media ids of the pictures that were received, in order."""
    return [i["image"]["media_id"] for i in played.pretend.received() if i["image"]]


async def test_one_upload_serves_all_and_is_renewed(played):
    folder = played.running.config.materials()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "m1.png").write_bytes(pictures.png('<svg xmlns="http://www.w3.org/2000/svg" '
                                                 'width="20" height="20"/>'))  # fmt: skip
    given = Material("m1", "图片", "雪地", "m1.png", "", "S6", "", "", None, "live",
                     played.clock.now(), "运营")  # fmt: skip
    await played.running.writer.do(lambda db: materials.add(db, given))

    async def ask():
        await played.say("app", "zhang", "素材 雪地")
        await played.say("app", "zhang", "发素材 1")
        await played.running.app.idle()

    await ask()
    await ask()
    first = pictures_of(played)
    played.clock.add(timedelta(days=3, hours=1))
    await ask()
    images = pictures_of(played)

    assert len(first) == 2
    assert first[0] == first[1] != images[-1]


async def test_a_file_that_wecom_forgot_early_is_uploaded_again(played):
    folder = played.running.config.materials()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "m1.png").write_bytes(pictures.png('<svg xmlns="http://www.w3.org/2000/svg" '
                                                 'width="20" height="20"/>'))  # fmt: skip
    given = Material("m1", "图片", "雪地", "m1.png", "", "S6", "", "", None, "live",
                     played.clock.now(), "运营")  # fmt: skip
    await played.running.writer.do(lambda db: materials.add(db, given))
    await played.running.writer.do(
        lambda db: materials.uploaded(db, "m1", "MEDIA-gone", played.clock.now())
    )

    await played.say("app", "zhang", "素材 雪地")
    await played.say("app", "zhang", "发素材 1")
    await played.running.app.idle()

    assert pictures_of(played) not in ([], ["MEDIA-gone"])


# The command line


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[storage]\nurl = "sqlite:///var/s.db"\n', encoding="utf-8")
    store = Sqlite(tmp_path / "var" / "s.db")
    store.migrate()
    store.close()
    return path


def run(path, *args):
    return CliRunner().invoke(main, ["--config", str(path), "materials", *args])


def test_a_file_is_copied_listed_and_stopped(config, tmp_path):
    film = tmp_path / "a.mp4"
    film.write_bytes(b"x" * 100)

    added = run(config, "add", str(film), "--kind", "视频", "--title", "雪地试驾", "--model", "S6")

    assert "已加素材 m1" in added.output
    assert (tmp_path / "var" / "materials" / "m1.mp4").read_bytes() == film.read_bytes()
    assert "已停用" in run(config, "stop", "m1").output
    assert json.loads(run(config, "list", "--json").output)[0]["state"] == "停用"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--kind", "提车分享", "--title", "t", "--words", "w"], "要写 --consent"),
        (["--kind", "图片", "--title", "t"], "给一个文件"),
        (["nope.png", "--kind", "图片", "--title", "t"], "没有文件 nope.png"),
    ],
)
def test_what_cannot_be_added_is_told(config, args, why):
    assert why in run(config, "add", *args).stderr


def test_a_file_too_large_for_wecom_is_refused(config, tmp_path):
    film = tmp_path / "a.mp4"
    film.write_bytes(b"x" * (10 * 1024 * 1024 + 1))

    assert "10 MB" in run(config, "add", str(film), "--kind", "视频", "--title", "t").stderr
