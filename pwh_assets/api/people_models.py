"""Bodies and answers about people, organisations, projects and keys."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from pwh_assets.core.access import Role

CLOSED = ConfigDict(extra="forbid")


class OrganizationOut(BaseModel):
    """An organisation the caller is in."""

    id: str
    name: str
    membership_role: Role | None = Field(description="The caller's role in all of it.")
    created_at: datetime


class ProjectOut(BaseModel):
    """A project the caller sees."""

    id: int = Field(description="Its number, as in paths.")
    name: str
    organization: str = Field(description="Id of its organisation.")
    role: Role | None = Field(description="The caller's role in it.")
    created_at: datetime


class Me(BaseModel):
    """Who asks, and what they see."""

    uuid: str = Field(description="Id of the person.")
    first_name: str = Field(description="Their name, which they log in with.")
    email: str | None = Field(description="Their address.")
    has_password: bool = Field(description="Whether they can log in with one.")
    scopes: list[str] = Field(description="What the key they ask with may do; a login has `*`.")
    attributes: dict[str, str] = Field(description="Facts that row policies may use.")
    organization: OrganizationOut | None = Field(description="The first of their organisations.")
    organizations: list[OrganizationOut] = Field(description="All they have a role in.")
    team: ProjectOut | None = Field(description="The first of their projects.")
    projects: list[ProjectOut] = Field(description="All they see, with this key.")


class MeChange(BaseModel):
    """Another password."""

    model_config = CLOSED
    password: str = Field(description="10 to 1000 characters.", max_length=1000)
    current_password: str = Field(
        "", description="The one so far, where there is one.", max_length=1000
    )


class Named(BaseModel):
    """A name."""

    model_config = CLOSED
    name: str = Field(description="1 to 200 characters that print.", max_length=200)


class ProjectNew(Named):
    """A project to make."""

    organization: str | None = Field(
        None, description="Id of its organisation; needed by who administers several."
    )


class MemberOut(BaseModel):
    """A person in an organisation."""

    id: str = Field(description="Id of the person.")
    name: str
    email: str | None = Field(description="Their address.")
    role: Role | None = Field(description="In all of the organisation; null when only in projects.")
    projects: dict[int, Role] = Field(description="Roles of their own in single projects.")
    attributes: dict[str, str] = Field(description="Facts that row policies may use.")


class MemberChange(BaseModel):
    """A role, facts, or both."""

    model_config = CLOSED
    role: Role | None = Field(None, description="The role they get.")
    project: int | None = Field(
        None, description="The one project the role is for; without it, the whole organisation."
    )
    attributes: dict[str, str] | None = Field(
        None,
        description="Facts that row policies may use, instead of all there are.",
        max_length=50,
    )


class InviteNew(BaseModel):
    """Whom to invite."""

    model_config = CLOSED
    email: str = Field(description="Their address.", max_length=300)
    role: Role = Field(Role.VIEWER, description="The role they get.")
    project: int | None = Field(None, description="The one project they get it in.")
    expires_in: int = Field(
        7 * 86_400, description="Seconds the invitation lasts.", ge=60, le=90 * 86_400
    )


class InviteOut(BaseModel):
    """An open invitation."""

    id: str
    email: str = Field(description="Whom it is for.")
    role: Role = Field(description="The role they get.")
    project: int | None = Field(description="The one project they get it in.")
    invited_by: str = Field(description="Who made it.")
    created_at: datetime
    expires_at: datetime = Field(description="Until when it can be used.")


class InviteMade(InviteOut):
    """An invitation, with what is shown once."""

    token: str = Field(description="Shown this once; it works once.")
    mail: str = Field(description="Text to send them; PWH sends nothing.")


class KeyOut(BaseModel):
    """What is known of a key; never the key."""

    id: str
    label: str = Field(description="What it is for.")
    mask_value: str = Field(description="Kind and last four characters.")
    scopes: list[str] = Field(description="What it may do.")
    scoped_teams: list[int] | None = Field(
        description="Projects it is for; null: all of its person's."
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="When it ends; null: never.")
    last_used_at: datetime | None = Field(description="To the minute.")


class KeyMade(KeyOut):
    """A key at the one moment it can be read."""

    value: str = Field(description="The key. Shown this once.")


class PersonalKeyNew(BaseModel):
    """A key of one's own."""

    model_config = CLOSED
    label: str = Field(description="What it is for.", max_length=200)
    scopes: list[str] = Field(
        ["*"], description="`*`, or `<object>:read` and `<object>:write`.", max_length=50
    )
    scoped_teams: list[int] | None = Field(
        None, description="Only these projects.", max_length=1000
    )
    expires_at: datetime | None = Field(None, description="When it ends; without it, never.")


class SecretKeyNew(BaseModel):
    """A key for a server."""

    model_config = CLOSED
    label: str = Field(description="What it is for.", max_length=200)
    scopes: list[str] = Field(
        description="`<object>:read` and `<object>:write`; not `*`.", max_length=50
    )
    expires_at: datetime | None = Field(None, description="When it ends; without it, never.")


class Rotation(BaseModel):
    """How long the old capture keys go on."""

    model_config = CLOSED
    grace_seconds: int = Field(
        86_400, description="Seconds; 0 ends them at once.", ge=0, le=90 * 86_400
    )
