"""The records of who was erased, in a file beside the store: a lost store must not undo them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from storage.db import Row, StorageError


def place(store: Path) -> Path:
    return store.with_name(store.name + ".erased")


def write(path: Path, key: str, rows: Sequence[Row]) -> None:
    """Whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as out:
        json.dump({"key": key, "erased": list(rows)}, out)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)


def read(path: Path) -> tuple[str, list[Row]] | None:
    """The key and the records; None where nobody was ever erased."""
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["key"], found["erased"]
    except (ValueError, KeyError, OSError) as exc:
        raise StorageError(
            f"删除记录 {path} 读不懂（{exc}）：不恢复，免得已删除的客户又出现。"
            "请找回这个文件，或确认没有删除过客户后把它移走"
        ) from exc
