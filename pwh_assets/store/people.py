"""People, organisations and who belongs to what in which role."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from pwh_assets.core.access import Role
from pwh_assets.errors import ConflictError, NotFoundError
from pwh_assets.store import models
from pwh_assets.store.part import StorePart
from pwh_assets.store.rows import utc_now


class LastOwnerError(ConflictError):
    """An organisation would be left without an owner."""

    code = "last_owner"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"`{name}` is the last owner of this organisation. Make somebody else an owner first."
        )


@dataclass(frozen=True, slots=True)
class Organization:
    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person; the password's hash stays in the store."""

    id: str
    name: str
    email: str | None
    created_at: datetime
    has_password: bool
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation: by a role in all of it, by roles in single projects, or both."""

    user: User
    role: Role | None
    projects: Mapping[int, Role]


class People(StorePart):
    def organizations(self) -> list[Organization]:
        """All of the home, oldest first."""
        table = models.organizations
        with self._db.read() as connection:
            found = connection.execute(sa.select(table).order_by(table.c.created_at, table.c.id))
            return [Organization(row.id, row.name, row.created_at) for row in found]

    def add_organization(self, name: str, owner_id: str) -> Organization:
        made = Organization(str(uuid.uuid4()), name, utc_now())
        with self._db.write() as connection:
            connection.execute(
                models.organizations.insert().values(
                    id=made.id, name=name, created_at=made.created_at
                )
            )
            _put(
                connection,
                models.organization_members,
                {"organization_id": made.id, "user_id": owner_id},
                Role.OWNER,
            )
        return made

    def rename_organization(self, organization_id: str, name: str) -> None:
        table = models.organizations
        with self._db.write() as connection:
            connection.execute(
                sa.update(table).where(table.c.id == organization_id).values(name=name)
            )

    def users(self) -> list[User]:
        """Everybody, by name."""
        with self._db.read() as connection:
            query = sa.select(models.users).order_by(models.users.c.name)
            return [_user(row) for row in connection.execute(query)]

    def user_of_id(self, user_id: str) -> User | None:
        return self._user(models.users.c.id == user_id)

    def find_user(self, name: str) -> User | None:
        """By name or e-mail address."""
        users = models.users
        return self._user(sa.or_(users.c.name == name, users.c.email == name.lower()))

    def _user(self, condition: sa.ColumnElement[bool]) -> User | None:
        with self._db.read() as connection:
            row = connection.execute(sa.select(models.users).where(condition)).first()
        return None if row is None else _user(row)

    def add_user(self, name: str, email: str | None, password: str | None = None) -> User:
        """Raises ConflictError when the name or address is taken. `password` is a hash."""
        user_id, users = str(uuid.uuid4()), models.users
        address = email.lower() if email else None
        taken = [users.c.name == name, users.c.email == name.lower()]
        if address:
            taken += [users.c.email == address, users.c.name == address]
        with self._db.write() as connection:
            if connection.execute(sa.select(users.c.id).where(sa.or_(*taken))).first():
                raise ConflictError(
                    f"There is a person `{name}` already, or one with that address. Choose another name."
                )
            try:
                with connection.begin_nested():
                    connection.execute(
                        users.insert().values(
                            id=user_id,
                            name=name,
                            email=address,
                            password=password,
                            created_at=utc_now(),
                            attributes={},
                        )
                    )
            except sa.exc.IntegrityError:
                raise ConflictError(
                    f"There is a person `{name}` already. Choose another name."
                ) from None
            row = connection.execute(sa.select(users).filter_by(id=user_id)).one()
        return _user(row)

    def password_of(self, user_id: str) -> str | None:
        """The hash, for whoever compares it."""
        with self._db.read() as connection:
            query = sa.select(models.users.c.password).filter_by(id=user_id)
            return connection.execute(query).scalar()

    def set_password(self, user_id: str, password: str) -> None:
        """Keep another hash; every login of the person ends."""
        with self._db.write() as connection:
            connection.execute(
                sa.update(models.users)
                .where(models.users.c.id == user_id)
                .values(password=password)
            )
            _end_sessions(connection, user_id)

    def set_attributes(self, user_id: str, attributes: Mapping[str, str]) -> None:
        with self._db.write() as connection:
            connection.execute(
                sa.update(models.users)
                .where(models.users.c.id == user_id)
                .values(attributes=dict(attributes))
            )

    def organization_roles(self, user_id: str) -> dict[str, Role]:
        members = models.organization_members
        query = sa.select(members.c.organization_id, members.c.role).filter_by(user_id=user_id)
        with self._db.read() as connection:
            return {row.organization_id: Role(row.role) for row in connection.execute(query)}

    def project_roles(self, user_id: str) -> dict[int, Role]:
        """What was given in single projects; not what follows from an organisation."""
        members = models.project_members
        query = sa.select(members.c.project_id, members.c.role).filter_by(user_id=user_id)
        with self._db.read() as connection:
            return {row.project_id: Role(row.role) for row in connection.execute(query)}

    def organizations_of(self, user_id: str) -> set[str]:
        """Where the person has any role, also in a single project only."""
        single, projects = models.project_members, models.projects
        query = (
            sa.select(projects.c.organization_id)
            .join(single, projects.c.id == single.c.project_id)
            .where(single.c.user_id == user_id)
        )
        with self._db.read() as connection:
            found: set[str] = set(connection.execute(query).scalars())
        return found | self.organization_roles(user_id).keys()

    def members(self, organization_id: str) -> list[Member]:
        """Everybody with a role in the organisation or in one of its projects, by name."""
        whole, single = models.organization_members, models.project_members
        projects, users = models.projects, models.users
        with self._db.read() as connection:
            roles = {
                row.user_id: Role(row.role)
                for row in connection.execute(
                    sa.select(whole).filter_by(organization_id=organization_id)
                )
            }
            singles: dict[str, dict[int, Role]] = {}
            for row in connection.execute(
                sa.select(single)
                .join(projects, projects.c.id == single.c.project_id)
                .where(
                    projects.c.organization_id == organization_id, projects.c.deleted_at.is_(None)
                )
            ):
                singles.setdefault(row.user_id, {})[row.project_id] = Role(row.role)
            found = connection.execute(
                sa.select(users)
                .where(users.c.id.in_(roles.keys() | singles.keys()))
                .order_by(users.c.name)
            ).all()
        return [Member(_user(row), roles.get(row.id), singles.get(row.id, {})) for row in found]

    def set_organization_role(self, organization_id: str, user: User, role: Role) -> None:
        """Raises LastOwnerError when it would be left without one."""
        with self._db.write() as connection:
            self._keep_an_owner(connection, organization_id, user, role)
            key = {"organization_id": organization_id, "user_id": user.id}
            _put(connection, models.organization_members, key, role)

    def set_project_role(self, project_id: int, user: User, role: Role | None) -> None:
        """A role in one project; None takes it back."""
        key = {"project_id": project_id, "user_id": user.id}
        with self._db.write() as connection:
            _put(connection, models.project_members, key, role)

    def remove_member(self, organization_id: str, user: User) -> None:
        """Everything the person had in the organisation, and their logins and keys, in one transaction.

        Keys of somebody who still belongs elsewhere stay, except those made in a project of this organisation.

        Raises:
            LastOwnerError: it would be left without an owner.
        """
        whole, single = models.organization_members, models.project_members
        keys, projects = models.api_keys, models.projects
        with self._db.write() as connection:
            self._keep_an_owner(connection, organization_id, user, None)
            ours = sa.select(projects.c.id).filter_by(organization_id=organization_id)
            connection.execute(
                sa.delete(whole).where(
                    whole.c.organization_id == organization_id, whole.c.user_id == user.id
                )
            )
            connection.execute(
                sa.delete(single).where(single.c.user_id == user.id, single.c.project_id.in_(ours))
            )
            is_elsewhere = any(
                connection.execute(sa.select(table.c.user_id).filter_by(user_id=user.id)).first()
                for table in (whole, single)
            )
            end = sa.update(keys).where(keys.c.user_id == user.id, keys.c.revoked_at.is_(None))
            if is_elsewhere:
                end = end.where(keys.c.project_id.in_(ours))
            connection.execute(end.values(revoked_at=utc_now()))
            _end_sessions(connection, user.id)

    def _keep_an_owner(
        self, connection: sa.Connection, organization_id: str, user: User, role: Role | None
    ) -> None:
        members = models.organization_members
        if not self._db.is_sqlite:
            connection.execute(
                sa.select(models.organizations.c.id).filter_by(id=organization_id).with_for_update()
            )
        query = sa.select(members.c.user_id).filter_by(
            organization_id=organization_id, role=Role.OWNER.value
        )
        owners: set[str] = set(connection.execute(query).scalars())
        if role is not Role.OWNER and owners == {user.id}:
            raise LastOwnerError(user.name)

    def organization_of(self, project_id: int) -> str:
        """Raises NotFoundError."""
        projects = models.projects
        query = sa.select(projects.c.organization_id).where(
            projects.c.id == project_id, projects.c.deleted_at.is_(None)
        )
        with self._db.read() as connection:
            found: str | None = connection.execute(query).scalar()
        if found is None:
            raise NotFoundError("project", str(project_id))
        return found


def _put(
    connection: sa.Connection, table: sa.Table, key: Mapping[str, object], role: Role | None
) -> None:
    """One role instead of whichever there was."""
    there = sa.and_(*(table.c[name] == value for name, value in key.items()))
    if role is None:
        connection.execute(sa.delete(table).where(there))
        return
    changed = connection.execute(sa.update(table).where(there).values(role=role.value))
    if not changed.rowcount:
        connection.execute(table.insert().values(**key, role=role.value, created_at=utc_now()))


def _end_sessions(connection: sa.Connection, user_id: str) -> None:
    connection.execute(sa.delete(models.sessions).where(models.sessions.c.user_id == user_id))


def _user(row: sa.Row[tuple[object, ...]]) -> User:
    return User(
        row.id, row.name, row.email, row.created_at, row.password is not None, row.attributes or {}
    )
