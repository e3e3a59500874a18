"""Sources: what is connected. Credentials are sealed under the source's id and come out in one place only."""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pwh_assets.core.names import source_slug
from pwh_assets.core.nested import joined
from pwh_assets.core.options import AutoSync
from pwh_assets.core.source import Source
from pwh_assets.errors import ConflictError, NotFoundError, PwhError
from pwh_assets.store import models
from pwh_assets.store.alerts import channel_row
from pwh_assets.store.names import claim, release, table_claim
from pwh_assets.store.part import StorePart, touch
from pwh_assets.store.rows import NewTable, source_of, utc_now
from pwh_assets.store.tables import insert_tables


class SourceExistsError(ConflictError):
    """A source of this type with this prefix is connected already."""

    code = "source_exists"

    def __init__(self, source_type: str, prefix: str, slug: str) -> None:
        named = f"prefix `{prefix}`" if prefix else "no prefix"
        self.attr = "prefix"
        super().__init__(
            f"A {source_type} source with {named} would be called `{slug}`, and a source of this name is connected "
            "already. Give the new one another `prefix`."
        )


class Sources(StorePart):
    def add_source(
        self,
        project_id: int,
        source_type: str,
        prefix: str,
        description: str,
        config: Mapping[str, Any],
        secrets: Mapping[str, Any],
        tables: Sequence[NewTable],
    ) -> Source:
        """Connect a source with its tables, all or nothing.

        Raises:
            SourceExistsError: type and prefix are taken.
            NameClashError: one of its tables' HogQL names is taken.
            NotFoundError: there is no such project.
        """
        source_id, now = str(uuid.uuid4()), utc_now()
        slug = source_slug(source_type, prefix)
        with self._db.write() as connection:
            if not connection.execute(
                sa.select(models.projects.c.id).filter_by(id=project_id)
            ).first():
                raise NotFoundError("project", str(project_id))
            try:
                with connection.begin_nested():
                    connection.execute(
                        models.sources.insert().values(
                            id=source_id,
                            project_id=project_id,
                            source_type=source_type,
                            prefix=prefix,
                            slug=slug,
                            description=description,
                            config=dict(config),
                            credentials=self._seal(secrets, source_id),
                            created_at=now,
                        )
                    )
            except sa.exc.IntegrityError:
                raise SourceExistsError(source_type, prefix, slug) from None
            ids = insert_tables(connection, project_id, source_id, tables, now)
            claim(
                connection,
                project_id,
                (
                    table_claim(i, source_type, prefix, t.name)
                    for i, t in zip(ids, tables, strict=True)
                ),
            )
            touch(connection, project_id)
        return self.source(source_id)

    def sources(self, project_id: int | None = None) -> list[Source]:
        """Connected sources, oldest first."""
        query = _live().order_by(models.sources.c.created_at, models.sources.c.id)
        if project_id is not None:
            query = query.where(models.sources.c.project_id == project_id)
        with self._db.read() as connection:
            return [source_of(row) for row in connection.execute(query)]

    def source(self, source_id: str, project_id: int | None = None) -> Source:
        """Raises NotFoundError, also for a source of another project."""
        with self._db.read() as connection:
            return source_of(_source_row(connection, source_id, project_id))

    def source_config(self, source_id: str) -> dict[str, Any]:
        """All fields, secrets decrypted: hand it to a connection and to nothing else.

        Raises:
            NotFoundError, SecretKeyMissingError, SecretDamagedError.
        """
        with self._db.read() as connection:
            row = _source_row(connection, source_id)
        return joined(row.config, self._unseal(row.credentials, source_id))

    def update_source(
        self,
        source_id: str,
        *,
        description: str | None = None,
        config: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
        auto_sync: AutoSync | None = None,
    ) -> Source:
        """Change what is given. `config` replaces; `secrets` are merged into those known, None removes one."""
        with self._db.write() as connection:
            row = _source_row(connection, source_id)
            values: dict[str, Any] = {}
            if description is not None:
                values["description"] = description
            if config is not None:
                values["config"] = dict(config)
            if auto_sync is not None:
                values["auto_sync"] = asdict(auto_sync)
            if secrets:
                merged = {**self._unseal(row.credentials, source_id), **secrets}
                kept = {name: value for name, value in merged.items() if value is not None}
                values["credentials"] = self._seal(kept, source_id)
            if values:
                query = sa.update(models.sources).where(models.sources.c.id == source_id)
                connection.execute(query.values(**values))
                touch(connection, row.project_id)
        return self.source(source_id)

    def remove_source(self, source_id: str) -> None:
        """Soft delete with its tables: jobs and usage stay, names are free again, credentials are wiped."""
        sources, tables, now = models.sources, models.source_tables, utc_now()
        with self._db.write() as connection:
            row = _source_row(connection, source_id)
            live = sa.and_(tables.c.source_id == source_id, tables.c.deleted_at.is_(None))
            ids: list[str] = list(connection.execute(sa.select(tables.c.id).where(live)).scalars())
            connection.execute(sa.update(tables).where(live).values(deleted_at=now))
            connection.execute(
                sa.update(sources)
                .where(sources.c.id == source_id)
                .values(deleted_at=now, credentials=None)
            )
            release(connection, ids)
            touch(connection, row.project_id)

    def rotate_secrets(self) -> int:
        """Seal every credential anew with the newest key; how many were. All or none.

        Raises:
            SecretKeyMissingError, SecretDamagedError: one does not open; nothing was changed.
        """
        box, sources, count = self._open_box(), models.sources, 0
        with self._db.write() as connection:
            query = sa.select(sources.c.id, sources.c.credentials).where(
                sources.c.credentials.is_not(None)
            )
            for row in connection.execute(query.with_for_update()).all():
                record = box.seal(box.open(row.credentials, row.id), row.id)
                update = sa.update(sources).where(sources.c.id == row.id)
                connection.execute(update.values(credentials=record))
                count += 1
            projects = models.projects
            masked = sa.select(projects.c.id, projects.c.mask_key).where(
                projects.c.mask_key.is_not(None)
            )
            for row in connection.execute(masked.with_for_update()).all():
                name = _mask_row(row.id)
                record = box.seal(box.open(row.mask_key, name), name)
                change = sa.update(projects).where(projects.c.id == row.id)
                connection.execute(change.values(mask_key=record))
            channels = models.alert_channels
            sealed = sa.select(channels.c.id, channels.c.credentials).where(
                channels.c.credentials.is_not(None)
            )
            for row in connection.execute(sealed.with_for_update()).all():
                name = channel_row(row.id)
                record = box.seal(box.open(row.credentials, name), name)
                change = sa.update(channels).where(channels.c.id == row.id)
                connection.execute(change.values(credentials=record))
                count += 1
        return count

    def mask_key(self, project_id: int) -> bytes:
        """The project's key for hashed columns, made at first use and sealed like a credential.

        Raises:
            SecretKeyMissingError, SecretDamagedError: it is there and does not open; hashes made with another key
                would not match those in the lake.
        """
        projects = models.projects
        query = sa.select(projects.c.mask_key).where(projects.c.id == project_id)
        with self._db.read() as connection:
            record = connection.execute(query).scalar()
        if record is None:
            fresh = self._open_box().seal(secrets.token_bytes(32), _mask_row(project_id))
            with self._db.write() as connection:
                connection.execute(
                    sa.update(projects)
                    .where(projects.c.id == project_id, projects.c.mask_key.is_(None))
                    .values(mask_key=fresh)
                )
                record = connection.execute(query).scalar()
        if record is None:
            raise NotFoundError("project", str(project_id))
        return self._open_box().open(record, _mask_row(project_id))

    def new_secret_key(self) -> str:
        """A key made now and put first, where the keys are in a file; else the first there is. Its id."""
        box = self._open_box()
        return box.add_key() if box.is_file_managed else box.key_ids[0]

    @property
    def secret_key_ids(self) -> tuple[str, ...]:
        """Ids of the keys here, newest first."""
        return self._box.key_ids if self._box else ()

    def damaged_secrets(self) -> list[tuple[Source, str]]:
        """Sources whose credentials do not open, with the reason."""
        found = []
        with self._db.read() as connection:
            rows = connection.execute(_live()).all()
        for row in rows:
            try:
                self._unseal(row.credentials, row.id)
            except PwhError as error:
                found.append((source_of(row), error.sentence))
        return found


def _mask_row(project_id: int) -> str:
    return f"project-{project_id}-masks"


def _live() -> sa.Select[Any]:
    return sa.select(models.sources).where(models.sources.c.deleted_at.is_(None))


def _source_row(
    connection: sa.Connection, source_id: str, project_id: int | None = None
) -> sa.Row[Any]:
    row = connection.execute(_live().where(models.sources.c.id == source_id)).first()
    if row is None or (project_id is not None and row.project_id != project_id):
        raise NotFoundError("source", source_id, "`pwh source list` shows those there are.")
    return row
