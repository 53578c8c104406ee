"""Tables from outside: whatever a file says of itself, it is read within bounds or refused in
words; and whatever people typed, no table of ours runs it."""

import ast
import random
import re
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.cli import main
from scriptbank import reader, tables
from scriptbank.problems import LoadError

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "nlp", "scriptbank", "storage")
MB = 1_000_000

# A workbook, part by part

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HEAD = f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>'
TAIL = "</sheetData></worksheet>"
WORD = '<c r="A1" t="inlineStr"><is><t>编号</t></is></c>'


def book(path, sheet, place="worksheets/sheet1.xml", **more):
    book = f"""<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>
        <sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"""
    leads = f"""<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1"
        Type="{OFFICE}/worksheet" Target="{place}"/></Relationships>"""
    root = f"""<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1"
        Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
    parts = {
        "_rels/.rels": root,
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": leads,
        f"xl/{place}": sheet,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in {**parts, **more}.items():
            out.writestr(name, text)


def far(path):
    book(path, f'{HEAD}<row r="1">{WORD}<c r="XFD1048576"><v>1</v></c></row>{TAIL}')


def far_in_other_quotes(path):
    book(path, f"{HEAD}<row r='1'>{WORD}<c r='ALL20000'><v>1</v></c></row>{TAIL}")


def far_in_another_place(path):
    book(path, f'{HEAD}<row r="1">{WORD}<c r="ALL20000"><v>1</v></c></row>{TAIL}', "odd.xml")


def cells_without_a_place(path):
    dice = random.Random(1)
    row = "".join(f"<c><v>{dice.randrange(10**9)}</v></c>" for _ in range(1_000))
    book(path, f"{HEAD}{''.join(f'<row>{row}</row>' for _ in range(40))}{TAIL}")


def entities(path):
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE worksheet [<!ENTITY l0 "哈">{lol}]>'
    word = '<c r="A1" t="inlineStr"><is><t>&l9;</t></is></c>'
    book(path, f'{bomb}{HEAD}<row r="1">{word}</row>{TAIL}')


def an_entity_from_the_disk(path):
    asks = '<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    word = '<c r="A1" t="inlineStr"><is><t>&x;</t></is></c>'
    book(path, f'{asks}{HEAD}<row r="1">{word}</row>{TAIL}')


def deep(path):
    noise = {"xl/noise.bin": random.Random(2).randbytes(40_000)}  # its ratio is an honest one
    book(path, f"{HEAD}{'<x>' * 150_000}{'</x>' * 150_000}{TAIL}", **noise)


def inflated(path):
    book(path, f"{HEAD}{'<row/>' * 2_000_000}{TAIL}")


def longer_than_it_says(path):
    book(path, f'{HEAD}<row r="1">{WORD}</row>{TAIL}' + " " * 100_000)
    content, size = path.read_bytes(), 100_000
    for n in range(len(content) - 4):
        if abs(int.from_bytes(content[n : n + 4], "little") - size) < 2_000:
            content = content[:n] + (500).to_bytes(4, "little") + content[n + 4 :]
    path.write_bytes(content)


def half(path):
    book(path, f'{HEAD}<row r="1">{WORD}</row>{TAIL}')
    path.write_bytes(path.read_bytes()[:300])


def a_program(path):
    path.write_bytes(b"MZ\x90\x00" + random.Random(3).randbytes(5_000))


def repeated(path):
    """An OpenDocument sheet: one cell that says it stands there twenty million times."""
    office, table = (f"urn:oasis:names:tc:opendocument:xmlns:{n}:1.0" for n in ("office", "table"))
    sheet = f"""<office:document-content xmlns:office="{office}" xmlns:table="{table}">
        <office:body><office:spreadsheet><table:table table:name="S">
        <table:table-row table:number-rows-repeated="20000">
        <table:table-cell table:number-columns-repeated="1000" office:value-type="float"
        office:value="1"/></table:table-row></table:table></office:spreadsheet></office:body>
        </office:document-content>"""
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        out.writestr("content.xml", re.sub(r">\s+<", "><", sheet))
        out.writestr("META-INF/manifest.xml", "<x/>")


def columns(path):
    path.write_bytes(b"," * (tables.MAX_CELLS + 1))


def one_cell(path):
    path.write_bytes(b"a" * 10 * MB)


def in_no_encoding(path):
    path.write_bytes("编号,标题\n".encode("utf-16") + b"\xff\xfe\xff")


def nothing(path):
    path.write_bytes(b"")


BOOKS = (far, far_in_other_quotes, far_in_another_place, cells_without_a_place, entities,
         an_entity_from_the_disk, deep, inflated, longer_than_it_says, half, a_program)  # fmt: skip
FILES = {
    **{f"{make.__name__}.xlsx": make for make in BOOKS},
    "repeated.ods": repeated, "columns.csv": columns, "one_cell.csv": one_cell,
    "in_no_encoding.csv": in_no_encoding, "a_program.xls": a_program, "a_program.csv": a_program,
    "nothing.csv": nothing, "nothing.xlsx": nothing,
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in FILES.items():
        make(folder / name)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_it_is_read_within_bounds_or_refused_in_a_sentence(hostile, name):
    tracemalloc.start()
    said, cells = _read(hostile / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(said) < 200
    assert name in said or sum(map(len, cells)) < 50_000
    assert peak < 64 * MB


def _read(path):
    try:
        return "", tables.grid(path)
    except LoadError as refused:
        return str(refused), []


def test_what_never_ends_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_BYTES", 1000)
    (tmp_path / "endless.csv").symlink_to("/dev/zero")

    with pytest.raises(LoadError, match="文件太大"):
        tables.grid(tmp_path / "endless.csv")


def test_macros_formulas_and_links_are_not_followed(tmp_path):
    """A formula counts as what it came to when the file was saved."""
    formula = '<c r="B1" t="str"><f>WEBSERVICE("http://x/")&amp;EXEC("calc")</f><v>值</v></c>'
    link = '<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    parts = {"xl/vbaProject.bin": "Shell", "xl/externalLinks/externalLink1.xml": link}
    book(tmp_path / "t.xlsm", f'{HEAD}<row r="1">{WORD}{formula}</row>{TAIL}', **parts)

    assert tables.grid(tmp_path / "t.xlsm") == [["编号", "值"]]


LIMITED = (
    "import sys; sys.path.insert(0, sys.argv[1]); import reader; reader._limit(); b'x' * 2**31"
)


def test_the_reader_has_a_limit_that_the_system_keeps():
    pytest.importorskip("resource")
    folder = str(Path(reader.__file__).parent)
    done = subprocess.run([sys.executable, "-c", LIMITED, folder], capture_output=True, text=True)

    assert done.stderr.splitlines()[-1] == "MemoryError"


# Every command that reads a file


def commands(group=main, at=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*at, name))
        yield (*at, name), command


WRITES = {"backup", "customers export", "draw export", "groups plan template", "prizes export",
          "scripts export"}  # fmt: skip
# What stands behind the file, for each way in.
READS = {
    "customers import": [[], ["--leads"], ["--orders"]],
    "groups plan import": [[]], "groups plan lint": [[]], "scripts import": [[]],
    "scripts lint": [[]], "sop lint": [[]], "rules lint": [[]], "tags lint": [[]],
    "events import": [[]], "draw verify": [[]], "evaluate": [[]], "tag": [[]], "suggest": [[]],
    "train": [["--out", "model"]], "restore": [["--yes"]],
}  # fmt: skip
CONFIG = '[nlp]\nown_brands = ["青屿"]\n[[stores]]\nid = "s1"\nname = "一店"\n'
TABLES = ("a_program.csv", "columns.csv", "far.xlsx", "half.xlsx", "in_no_encoding.csv")
TEXTS = ("a_program.csv", "deep.json", "deep.toml")
LINES = ("junk.jsonl",)  # they load much before they look, so one file holds it all
JUNK = {
    **dict.fromkeys(("customers import", "groups plan import"), TABLES),
    **dict.fromkeys(("scripts import", "scripts lint", "groups plan lint"), TABLES + TEXTS),
    **dict.fromkeys(("evaluate", "tag", "suggest", "train", "events import"), LINES),
}


def test_no_command_that_reads_a_file_is_left_out():
    found = {
        " ".join(name)
        for name, command in commands()
        for p in command.params
        if isinstance(p, click.Argument) and p.name in ("file", "files", "labels")
    }

    assert found - WRITES == READS.keys()


@pytest.fixture(scope="module")
def company(tmp_path_factory, hostile):
    folder = tmp_path_factory.mktemp("company")
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    (hostile / "deep.json").write_text("[" * 200_000, encoding="utf-8")
    (hostile / "deep.toml").write_text("a = " + "[" * 20_000, encoding="utf-8")
    lines = ["\udcff\udcfe", "{", "null", '{"text": ' + "[" * 200_000, '{"text": 1}', "[1]"]
    (hostile / "junk.jsonl").write_text("\n".join(lines), "utf-8", "surrogateescape")
    CliRunner().invoke(main, ["--config", str(folder / "config.toml"), "migrate"])
    return folder


@pytest.mark.parametrize("name", READS)
def test_each_refuses_junk_in_a_few_words(company, hostile, name, monkeypatch):
    monkeypatch.chdir(company)
    for more in READS[name]:
        for file in JUNK.get(name, TEXTS):
            words = [*name.split(), str(hostile / file), *more]
            done = CliRunner().invoke(main, words)

            assert isinstance(done.exception, SystemExit | None), (words, done.exc_info)
            assert done.exit_code in (1, 2), (words, done.output[:300])
            assert "内部错误" not in done.output, (words, done.output)
            assert len(done.stderr) < 3000


# Tables of ours


RUNS = (".write_formula", ".write_row", ".write_column", "sheet.write", "page.write")


def sources():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def functions(*words):
    """Those in files that speak of such things, each with what it calls."""
    for name, text in sources():
        if any(word in text for word in words):
            found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
            for one in found:
                calls = {ast.unparse(n.func) for n in ast.walk(one) if isinstance(n, ast.Call)}
                yield f"{name}:{one.name}", calls


def test_every_table_is_written_so_that_no_cell_is_run():
    """Each writer of CSV guards its cells, each workbook is made where formulas are switched off,
    and no cell is written by a call that would look for one."""
    found = dict(functions("csv.", "xlsxwriter", ".workbook("))
    writers = {name for name, calls in found.items() if "csv.writer" in calls}

    assert len(writers) >= 5
    assert [n for n in writers if not any("guarded" in call for call in found[n])] == []
    assert [n for n, calls in found.items() if "xlsxwriter.Workbook" in calls] == [
        "scriptbank/tables.py:workbook"
    ]
    assert [n for n, calls in found.items() if any(call.endswith(RUNS) for call in calls)] == []
    # a way from the list of its sheets into each, under names of ours
    assert [n for n, calls in found.items() if any("write_url" in call for call in calls)] == [
        "bot/commands/report.py:_overview"
    ]


def test_only_the_reader_reads_workbooks_and_only_the_tables_read_csv():
    texts = dict(sources())

    assert [n for n in texts if "import python_calamine" in texts[n]] == ["scriptbank/reader.py"]
    assert [n for n in texts if "csv.reader(" in texts[n]] == ["scriptbank/tables.py"]
    assert [n for n in texts if "csv.Dict" in texts[n]] == []
