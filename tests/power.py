"""A disk that forgets what was not synced when the power goes, for SQLite through APSW.

Every write waits in memory until its file is synced. A cut keeps the synced bytes and, of what
waited, any part: each 512-byte sector of a write arrives or does not, as drives do.
"""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import apsw

from storage.db import stamp
from storage.schema import migrations

SECTOR = 512


@dataclass
class File:
    durable: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)  # what the program reads back
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)  # None cuts off there

    def write(self, offset: int, data: bytes | None) -> None:
        apply(self.seen, offset, data)
        self.waiting.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.waiting:
            apply(self.durable, offset, data)
        self.waiting.clear()

    def cut(self, chance: random.Random) -> "File":
        """What the drive holds afterwards: of what waited, some sectors are there, some are not."""
        left = bytearray(self.durable)
        for offset, data in self.waiting:
            if data is None:
                if chance.random() < 0.5:
                    apply(left, offset, None)
                continue
            for start in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    apply(left, offset + start, data[start : start + SECTOR])
        return File(left, bytearray(left))


def apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """A file system in memory; one disk is one VFS of its own name."""

    def __init__(self, name: str, files: dict[str, File] | None = None) -> None:
        self.name = name
        self.files = files or {}
        self.syncs = True  # False: the drive answers each sync with an error
        super().__init__(name, base="", maxpathname=256)

    def xOpen(self, name, flags):
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        flags[1] = flags[0]
        return Open(self.files.setdefault(path, File()), self)

    def xDelete(self, name, sync_dir):
        self.files.pop(name, None)

    def xAccess(self, name, flags):
        return name in self.files

    def xFullPathname(self, name):
        return name

    def xRandomness(self, n):
        return bytes(n)

    def xSleep(self, microseconds):
        return microseconds

    def xCurrentTimeInt64(self):
        return 212_000_000_000_000

    def xGetLastError(self):
        return (0, "")

    def cut(self, chance: random.Random, name: str) -> "Disk":
        """The same drive after the power came back; what still runs writes to the one before."""
        return Disk(name, {path: file.cut(chance) for path, file in self.files.items()})


class Open:
    """An open file, as APSW wants it; one process, so locks are always there."""

    def __init__(self, file: File, disk: Disk) -> None:
        self.file = file
        self.disk = disk

    def xRead(self, amount, offset):
        return bytes(self.file.seen[offset : offset + amount])

    def xWrite(self, data, offset):
        self.file.write(offset, bytes(data))

    def xTruncate(self, size):
        self.file.write(size, None)

    def xSync(self, flags):
        if not self.disk.syncs:
            raise apsw.IOError("fsync failed")
        self.file.sync()

    def xFileSize(self):
        return len(self.file.seen)

    def xClose(self):
        pass

    def xLock(self, level):
        pass

    def xUnlock(self, level):
        pass

    def xCheckReservedLock(self):
        return False

    def xFileControl(self, op, pointer):
        return False

    def xSectorSize(self):
        return SECTOR

    def xDeviceCharacteristics(self):
        return 0


class Powered:
    """The store's port on such a disk, with the pragmas that the embedded store uses."""

    def __init__(self, disk: Disk, synchronous: str) -> None:
        self.db = apsw.Connection("store.db", vfs=disk.name)
        self.db.execute("pragma locking_mode = exclusive")  # a WAL without shared memory
        self.db.execute("pragma journal_mode = wal")
        self.db.execute(f"pragma synchronous = {synchronous}")
        self.db.execute("pragma secure_delete = on")

    def build(self) -> None:
        """The steps of the schema, as the embedded store takes them."""
        with self.atomic():
            for step in migrations._migrations:
                step.fn(self)

    def execute(self, sql):
        self.db.execute(sql)

    def rows(self, sql, /, **params):
        cursor = self.db.execute(sql, _bound(params))
        return [
            dict(zip((c[0] for c in cursor.getdescription()), row, strict=True)) for row in cursor
        ]

    def run(self, sql, /, **params):
        self.db.execute(sql, _bound(params))
        return self.db.changes()

    def settle(self):
        """Nothing follows a commit here."""

    def close(self):
        self.db.close()

    @contextlib.contextmanager
    def atomic(self) -> Iterator[None]:
        with self.db:
            yield


def _bound(params):
    return {k: stamp(v) if isinstance(v, datetime) else v for k, v in params.items()}
