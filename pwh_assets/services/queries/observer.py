"""Who is told of queries: the seam to the audit log."""

from typing import TYPE_CHECKING, Any, Protocol

from pwh_assets.errors import PwhError

if TYPE_CHECKING:
    from pwh_assets.hogql.plan import Plan
    from pwh_assets.services.queries.request import Ask


class QueryObserver(Protocol):
    """Called in the thread that asks; what it raises refuses the query."""

    def started(self, ask: "Ask", plan: "Plan") -> Any:
        """It is about to wait for its turn. What comes back is handed to `ended`."""

    def ended(
        self, begun: Any, *, rows: int, size: int, ms: float, error: BaseException | None
    ) -> None:
        """`size` is bytes of the answer; `ms` counts from `started`."""

    def answered(self, ask: "Ask", plan: "Plan", rows: int, size: int) -> None:
        """From the cache."""

    @property
    def is_ready(self) -> bool:
        """Whether `answered` would come back at once."""

    def rejected(self, ask: "Ask", error: PwhError) -> None:
        """The text is wrong or not allowed; nothing was run."""


class Unobserved:
    """Nobody is told."""

    def started(self, ask: "Ask", plan: "Plan") -> None:
        return None

    def ended(
        self, begun: Any, *, rows: int, size: int, ms: float, error: BaseException | None
    ) -> None:
        return None

    def answered(self, ask: "Ask", plan: "Plan", rows: int, size: int) -> None:
        return None

    @property
    def is_ready(self) -> bool:
        return True

    def rejected(self, ask: "Ask", error: PwhError) -> None:
        return None
