"""Stripe's API over HTTP: key, version, retries that honour Retry-After, pages, and errors in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.stripe.objects import API_VERSION, StripeObject

if TYPE_CHECKING:
    from dlt.sources.helpers.rest_client import RESTClient

PAGE = 100
TIMEOUT_S = (10, 80)
"""Seconds to connect and between two bytes of an answer."""
ATTEMPTS = 6
LONGEST_WAIT_S = 60


class StripeApi:
    """One key at one address. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int = ATTEMPTS) -> None:
        self._config = config
        self._attempts = attempts

    def check(self) -> None:
        """Ask who we are. A restricted key that may not know that is a good key all the same.

        Raises:
            SourceAccessError, SourceUnavailableError.
        """
        with self._our_errors("/v1/account"):
            answer = self._client().get("/v1/account")
            if answer.status_code != 403:
                answer.raise_for_status()
                _parsed(self.place, answer)

    def newest(self, kind: StripeObject) -> dict[str, Any] | None:
        """The object made last, or None. Raises as `pages` does."""
        with self._our_errors(kind.path):
            answer = self._client().get(kind.path, params={**kind.params, "limit": "1"})
            answer.raise_for_status()
            found = _objects(self.place, kind, _parsed(self.place, answer))
            return found[0] if found else None

    def pages(
        self, kind: StripeObject, params: Mapping[str, str]
    ) -> Iterator[list[dict[str, Any]]]:
        """Pages of objects, newest first.

        Raises:
            SourceAccessError: the key is wrong, or may not read this.
            SourceUnavailableError: no good answer after the retries.
            SourceError: Stripe refuses the request.
        """
        import dlt.sources.helpers.requests as http
        from dlt.sources.helpers.rest_client.paginators import BasePaginator

        place = self.place

        class Cursor(BasePaginator):  # type: ignore[misc, unused-ignore]
            """`has_more` and `starting_after`: stable while new objects appear at the head."""

            last = ""

            def update_state(self, response: http.Response, data: Any = None) -> None:
                body = _parsed(place, response)
                found = _objects(place, kind, body)
                self._has_next_page = bool(body.get("has_more"))
                last = str(found[-1].get("id") or "") if found else ""
                if self._has_next_page and last in ("", self.last):
                    raise UnreadableDataError(
                        place,
                        f"the list of {kind.name} objects goes on without moving on.",
                        "Sync again later.",
                    )
                self.last = last

            def update_request(self, request: Any) -> None:
                request.params["starting_after"] = self.last

        with self._our_errors(kind.path):
            wanted = {**kind.params, **params, "limit": str(PAGE)}
            for page in self._client().paginate(
                kind.path, params=wanted, paginator=Cursor(), data_selector="data"
            ):
                yield _objects(place, kind, _parsed(place, page.response))

    @property
    def place(self) -> str:
        """How a sentence names the API."""
        return f"Stripe at `{self._config['base_url']}`"

    def _client(self) -> "RESTClient":
        from dlt.sources.helpers.requests import Client
        from dlt.sources.helpers.rest_client import RESTClient

        session = Client(
            request_timeout=TIMEOUT_S,
            raise_for_status=False,
            request_max_attempts=self._attempts,
            request_backoff_factor=0.5,
            request_max_retry_delay=LONGEST_WAIT_S,
        ).session
        # The key is on the session, not on the request: requests are logged with their headers.
        session.headers["Authorization"] = f"Bearer {self._config['api_key']}"
        session.headers["Stripe-Version"] = API_VERSION
        if self._config.get("account_id"):
            session.headers["Stripe-Account"] = self._config["account_id"]
        session.max_redirects = 0
        session.trust_env = False
        return RESTClient(self._config["base_url"], session=session)

    @contextmanager
    def _our_errors(self, path: str) -> Iterator[None]:
        import requests

        try:
            yield
        except requests.HTTPError as error:
            raise self._refusal(path, error) from None
        except requests.TooManyRedirects:
            raise SourceAccessError(
                f"{self.place} sends us elsewhere, which an API does not do. Check `base_url`."
            ) from None
        except requests.RequestException as error:
            raise SourceUnavailableError(
                f"{self.place} did not answer: {_kind_of(error)}. "
                "Check that it can be reached from here, then sync again."
            ) from None

    def _refusal(self, path: str, error: Any) -> SourceError:
        status = error.response.status_code if error.response is not None else 0
        said = _message(error.response, str(self._config["api_key"]))
        noun = path.removeprefix("/v1/")
        if status == 401:
            return SourceAccessError(
                f"{self.place} refused the key: {said} Enter a key that is in use, from Developers > API keys."
            )
        if status == 403:
            return SourceAccessError(
                f"{self.place} does not let this key read `{noun}`: {said} "
                "Give the restricted key read permission for it, or do not sync it."
            )
        if status == 404:
            return SourceError(
                f"{self.place} has no `{noun}`: {said} Check `base_url`, or do not sync it."
            )
        if status == 429 or status >= 500:
            return SourceUnavailableError(
                f"{self.place} answered {status} {self._attempts} times: {said} Sync again later."
            )
        return SourceError(f"{self.place} refused to list `{noun}` ({status}): {said} Sync again.")


def _parsed(place: str, answer: Any) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SourceUnavailableError(
            f"{place} answered with something that is not JSON. "
            "Check that `base_url` leads to Stripe's API, then sync again."
        )
    return body


def _objects(place: str, kind: StripeObject, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = body.get("data")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnreadableDataError(
            place, f"the answer for {kind.name} is not a list of objects.", "Check `base_url`."
        )
    return found


def _message(answer: Any, key: str) -> str:
    """Stripe's own sentence, without the key, should it repeat it."""
    try:
        text = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        text = "no reason was given"
    text = text.replace(key, "***").strip()[:300]
    return text if text.endswith(".") else f"{text}."


def _kind_of(error: Exception) -> str:
    """What went wrong on the wire, without the URL."""
    import requests

    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "it took too long"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer ended in the middle"
    return "the connection could not be made or broke"
