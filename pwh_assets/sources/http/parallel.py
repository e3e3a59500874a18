"""Fetching while rows are written: one stream read ahead, or several pages at once in their order."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar, cast

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_order(
    make: Callable[[Item], Made], items: Iterable[Item], threads: int
) -> Generator[Made, None, None]:
    """`make` of each item, `threads` at a time, in the order of the items; at most twice as many are ahead.

    The first error ends it, after what came before. Closing it starts nothing more.
    """
    waiting: deque[Future[Made]] = deque()
    source = iter(items)
    pool = ThreadPoolExecutor(threads)
    try:
        for item in islice(source, 2 * threads):
            waiting.append(pool.submit(make, item))
        while waiting:
            yield waiting.popleft().result()
            for item in islice(source, 1):
                waiting.append(pool.submit(make, item))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def ahead(pages: Iterator[Item], depth: int = 2) -> Generator[Item, None, None]:
    """The same pages, with up to `depth` of them fetched in another thread while the last one is being written."""
    ready: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(depth)
    is_closed = threading.Event()

    def put(what: str, one: Item | BaseException | None = None) -> bool:
        while not is_closed.is_set():
            try:
                ready.put((what, one), timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def fill() -> None:
        try:
            for page in pages:
                if not put("page", page):
                    return
            put("end")
        except BaseException as error:  # handed to whoever reads
            put("error", error)

    threading.Thread(target=fill, daemon=True).start()
    try:
        while True:
            what, one = ready.get()
            if what == "end":
                return
            if what == "error":
                raise cast(BaseException, one)
            yield cast(Item, one)
    finally:
        is_closed.set()
