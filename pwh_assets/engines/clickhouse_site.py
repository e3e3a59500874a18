"""Where one view is built in ClickHouse: a database of its own, with inputs that stand still while it is computed."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pwh_assets.engines.clickhouse import ClickHouseEngine, in_words
from pwh_assets.engines.clickhouse_tables import create_table, fill_table
from pwh_assets.engines.clickhouse_types import computed, given_back, identifier
from pwh_assets.engines.mirror import drop_site
from pwh_assets.engines.mirror_names import table_of

if TYPE_CHECKING:
    import pyarrow as pa

    from pwh_assets.core.source import Column
    from pwh_assets.lake import Lake

STREAM_ROWS = 65_536
TRIES = 4
"""How often inputs that changed while they were looked at are looked at again before the lake is asked to wait."""

Path = tuple[str, ...]


class BuildSite:
    """Use it as a context around a build. Nobody reads it; a build that died leaves it to the next one, which
    ends what still runs there and begins anew.
    """

    def __init__(
        self,
        engine: ClickHouseEngine,
        lake: "Lake",
        view_id: str,
        settings: Mapping[str, Any],
        known: Sequence[str] = (),
    ) -> None:
        """`settings` are what the compiled SQL relies on; `known` the ids of all views, so that what is left of
        builds of others that are gone is removed too.
        """
        self._engine = engine
        self._lake = lake
        self._settings = settings
        self._home = str(engine.settings.home)
        self._mirror = engine.mirror(lake.project_id)
        self._known = {self._mirror.site_of(each) for each in known}
        self.database = self._mirror.site_of(view_id)
        self._client: Any = None
        self._is_open = False

    def __enter__(self) -> Self:
        with in_words(self._home):
            self._client = self._engine.client(self._mirror.database, {})
            try:
                others = [each for each in self._known if each != self.database]
                self._mirror.drop_sites(self._client, others)
                self._client.command(f"CREATE DATABASE {identifier(self.database)}")
                self._mirror.sweep()
            except BaseException:
                self._client.close()
                raise
        self._is_open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_open = False
        with contextlib.suppress(Exception):  # the next build of the view removes it
            drop_site(self._client, self.database)
        with contextlib.suppress(Exception):
            self._client.close()

    def bring(self, paths: Sequence[Path]) -> dict[Path, int]:
        """The inputs as they are at one moment, under the names the compiled SQL has for them; the snapshot each
        last changed in.
        """
        found: dict[Path, int] = {}
        with in_words(self._home):
            for _ in range(TRIES):
                if self._bring_changed(paths, found):
                    return found
            with self.standing(paths):
                self._bring_changed(paths, found)
        return found

    @contextmanager
    def standing(self, paths: Sequence[Path]) -> Iterator[None]:
        """Nobody writes the lake or copies these tables meanwhile. Copies are held before the lake, as where a view arrives:
        in the other order the two would wait for each other.
        """
        with self._mirror.turns(paths), self._lake.lock():
            yield

    def _bring_changed(self, paths: Sequence[Path], found: dict[Path, int]) -> bool:
        """Renew the inputs that are not as the lake has them; True when none has changed meanwhile."""
        for path in self._changed(paths, found):
            found[path] = self._mirror.clone(path, self.database)
        return not self._changed(paths, found)

    def _changed(self, paths: Sequence[Path], found: Mapping[Path, int]) -> list[Path]:
        now = self._lake.changed_snapshots()
        return [path for path in paths if found.get(path) != now.get((path[0], path[-1]))]

    def client(self) -> Any:
        """A client for whoever computes the view; its statements end when the build is interrupted."""
        return self._engine.client(self.database, self._settings)

    def interrupt(self) -> None:
        """End the statement that runs on the server, from another thread."""
        if self._is_open:
            self._engine.kill_in(self.database)

    def stands_still(self, brought: Mapping[Path, int]) -> bool:
        """True when the lake still has these inputs as they were brought."""
        return not self._changed(list(brought), brought)

    def take(
        self, name: str, columns: Sequence["Column"], batches: "Iterable[pa.RecordBatch]"
    ) -> None:
        """A table of these rows, which a query of `rows_for` gave."""
        with in_words(self._home):
            create_table(self._client, self.table(name), columns)
            fill_table(self._client, self.table(name), batches)

    def make(self, name: str, columns: Sequence["Column"], sql: str) -> None:
        """A table of what a compiled query computes; every value as the lake will have it."""
        casts = ", ".join(
            f"{computed(c, identifier(c.name))} AS {identifier(c.name)}" for c in columns
        )
        with in_words(self._home):
            create_table(self._client, self.table(name), columns)
            with contextlib.closing(self.client()) as client:
                client.command(f"INSERT INTO {self.table(name)} SELECT {casts} FROM ({sql}) AS q")

    @contextmanager
    def rows(self, name: str, columns: Sequence["Column"]) -> "Iterator[Iterator[pa.RecordBatch]]":
        """The rows of a table that was made here, as Arrow; what Arrow has no words for is text."""
        listed = ", ".join(map(given_back, columns))
        with in_words(self._home), contextlib.closing(self.client()) as client:
            stream = client.query_arrow_stream(
                f"SELECT {listed} FROM {self.table(name)}",
                settings={"max_block_size": STREAM_ROWS},
            )
            with stream as batches:
                yield iter(batches)

    def made(self, path: Path) -> str:
        """The table of the view, quoted; of another path, the copy of that input."""
        return self.table(table_of(path))

    def table(self, name: str) -> str:
        """A table of the build's database, quoted."""
        return f"{identifier(self.database)}.{identifier(name)}"

    @contextmanager
    def turn(self, path: Path) -> Iterator[None]:
        """Hold the view's own copy: whoever wants a new one waits, and finds the one that was made."""
        with self._mirror.turn(path):
            yield

    def adopt(self, path: Path) -> None:
        """What was made is what the lake has by now: let queries read it. Its `turn` is held."""
        snapshot = self._lake.changed_snapshots()[path[0], path[-1]]
        with in_words(self._home):
            self._mirror.adopt(path, self.made(path), snapshot, self._client)
