"""Routers by the words of a path, so that a request is compared with the routes of its noun and not with all of them."""

from collections.abc import Collection

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope

_ROOTS = ("projects", "environments")
_KNOWN = "pwh.noun"


class Branch(APIRouter):
    """Routers whose paths have one of these nouns behind a project's number; `""` stands for every other path."""

    def __init__(self, nouns: Collection[str]) -> None:
        super().__init__()
        self._nouns = frozenset(nouns)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        noun = scope.get(_KNOWN)
        if noun is None:
            noun = scope[_KNOWN] = noun_of(scope["path"])
        if noun not in self._nouns:
            return Match.NONE, {}
        return super().matches(scope)


def noun_of(path: str) -> str:
    """The word behind a project's number.

    >>> noun_of("/api/projects/1/query/")
    'query'
    >>> noun_of("/api/projects/1/"), noun_of("/ready")
    ('', '')
    """
    words = path.split("/", 5)
    if len(words) > 4 and words[1] == "api" and words[2] in _ROOTS:
        return words[4]
    return ""
