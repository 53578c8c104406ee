"""The collector of garbage rests while the program is built, since everything built then stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """A million objects that stay are not looked through again and again while they come."""
    if not gc.isenabled():  # somebody further out has seen to it
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settled() -> None:
    """What is there now is there for good: for a process that serves until it ends.

    Walking all of it once in a while would delay whoever asks just then.
    """
    gc.freeze()
