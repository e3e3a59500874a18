"""The store: all parts behind one name, on one database."""

from pwh_assets.store.alerts import Alerts
from pwh_assets.store.audit import Audit
from pwh_assets.store.checks import Checks
from pwh_assets.store.database import Database
from pwh_assets.store.drift import Drift
from pwh_assets.store.editor import Editor
from pwh_assets.store.facts import Facts
from pwh_assets.store.health import Health
from pwh_assets.store.idempotency import Idempotency
from pwh_assets.store.jobs import Jobs
from pwh_assets.store.keys import Keys
from pwh_assets.store.language import Language
from pwh_assets.store.logins import Logins
from pwh_assets.store.metrics import Metrics
from pwh_assets.store.people import People
from pwh_assets.store.policies import Policies
from pwh_assets.store.projects import Projects
from pwh_assets.store.quality import Quality
from pwh_assets.store.secrets import SecretBox
from pwh_assets.store.sources import Sources
from pwh_assets.store.streams import Streams
from pwh_assets.store.tables import Tables
from pwh_assets.store.usage import Usage
from pwh_assets.store.views import Views


class Store(
    Projects,
    Sources,
    Tables,
    Views,
    Jobs,
    Usage,
    Drift,
    Streams,
    Checks,
    Quality,
    Language,
    Keys,
    People,
    Logins,
    Facts,
    Health,
    Alerts,
    Metrics,
    Audit,
    Idempotency,
    Policies,
    Editor,
):
    """What we remember. Safe to use from many threads and processes: every call is one short transaction.

    Instants that come out are aware and in UTC; naive ones that go in are taken as UTC.
    """

    def __init__(self, database: Database, secrets: SecretBox | None = None) -> None:
        self._db = database
        self._box = secrets

    @classmethod
    def open(cls, url: str, secrets: SecretBox | None = None) -> "Store":
        """The store at a SQLAlchemy address, made or migrated to this release's revision.

        Raises:
            StoreUnavailableError: the database does not answer.
            StoreTooNewError: a later release was here.
        """
        database = Database(url)
        try:
            database.migrate()
        except BaseException:
            database.close()
            raise
        return cls(database, secrets)

    def problems(self) -> list[str]:
        """What is broken in the database itself or among the credentials, in words."""
        found = self._db.problems()
        for source, sentence in self.damaged_secrets():
            found.append(f"Source `{source.slug}`: {sentence}")
        found += [f"Alert channel `{name}`: {words}" for name, words in self.damaged_channels()]
        return found

    @property
    def place(self) -> str:
        """Where the store is, without credentials."""
        return self._db.place

    def close(self) -> None:
        self._db.close()

    def __repr__(self) -> str:
        return f"Store({self._db.place!r})"
