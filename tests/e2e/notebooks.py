"""A home whose one source is a folder of JSON files."""

from pwh_assets.core.source import Column, SyncMode
from pwh_assets.lake import Lakes
from pwh_assets.services.platform import Platform
from pwh_assets.services.sync.table import sync_table
from pwh_assets.settings import Settings
from pwh_assets.sources.registry import discover, find
from pwh_assets.store import NewTable, SecretBox, Store
from tests.servers import notebook

SECRET = "sk-planted-4711"


def open_home(home, sources=None, **variables):
    """A home whose sources are the notebook, or those of `sources` from the product."""
    settings = Settings.from_env(
        {"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1", **variables}
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    store = Store.open(settings.store_url, SecretBox.from_settings(settings))
    store.ensure_project(1)
    known = {name: find(discover(), name) for name in sources or ()}
    return Platform(
        settings, store, Lakes(settings), {"notebook": notebook.Notebook(), **known}, {}
    )


class Desk:
    """A home, its folder of tables, and one table to sync at a time."""

    def __init__(self, path, **variables):
        self.home, self.folder = path / "home", path / "pages"
        self.platform = open_home(self.home, **variables)
        self.store, self.lake = self.platform.store, self.platform.lakes.of(1)
        self.source = None

    def table(self, name, mode=SyncMode.FULL, key=(), cursor=None, columns=()):
        """Connect a table; its page may be written later."""
        declared = tuple(Column(column, kind) for column, kind in columns)
        new = NewTable(
            name=name,
            columns=declared,
            primary_key=tuple(key),
            cursors=(cursor,) if cursor else (),
            mode=mode,
            cursor=cursor,
        )
        if self.source is None:
            self.source = self.store.add_source(
                1, "notebook", "", "", {"folder": str(self.folder)}, {"key": SECRET}, [new]
            )
        else:
            self.store.add_tables(self.source.id, [new])
        return next(t for t in self.store.tables(1) if t.name == name)

    def write(self, table, rows, **more):
        notebook.write(self.folder, table, rows, **more)

    def sync(self, table, **options):
        return sync_table(self.platform, table, **options)

    def rows(self, table, columns="*", order="ALL"):
        with self.lake.read() as connection:
            answer = connection.execute(
                f'SELECT {columns} FROM lake.notebook."{table.name}" ORDER BY {order}'
            )
            return answer.fetchall()

    def close(self):
        self.platform.lakes.close()
        self.store.close()
