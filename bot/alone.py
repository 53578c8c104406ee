"""Whether a server works on this store, told by a lock that the system drops when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(store: Path) -> Iterator[bool]:
    """True when nobody else holds it; then it is ours until the end."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing tells, so each is as good as alone
        yield True
        return
    store.parent.mkdir(parents=True, exist_ok=True)
    with store.with_name(store.name + ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
