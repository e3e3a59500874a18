"""One account of an HTTP API: calls with its credentials, repeated, paced, bounded in time, told in our words."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urljoin, urlsplit

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources.errors import UnreadableDataError
from pwh_assets.sources.http import jsons
from pwh_assets.sources.http.limits import Limits, bucket
from pwh_assets.sources.http.session import kind_of, new_session
from pwh_assets.sources.http.waits import backoff_s, retry_after_s
from pwh_assets.sources.network.egress import egress_of

log = logging.getLogger(__name__)

_BLOCK = 64 * 1024
_TRANSIENT = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


_UNREAD = object()


@dataclass(slots=True)
class Answer:
    """A whole answer. `status` may be one of refusal."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    _value: Any = field(default=_UNREAD, repr=False)

    def json(self) -> Any:
        """The body's value, numbers exact; read once. Raises ValueError."""
        if self._value is _UNREAD:
            self._value = jsons.loads(self.body)
        return self._value


class CancelledError(SourceError):
    """The reading was given up while an answer was awaited."""

    code = "cancelled"

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} was being read when the reading was stopped.")


class Api:
    """An API at one address with one set of credentials. Safe in several threads.

    Args:
        place: How a sentence names it, such as "Stripe at `https://api.stripe.com`".
        config: The source's, for the policy on addresses it carries.
        headers: Sent with every call.
        authorize: For credentials that end: asked for headers before each call, and once with True after a 401.
        secrets: Texts that no error may show.
        account: Calls for one account share its rate; the key itself is never kept.
        refusal: Turns an answer of 400 and above, after all attempts, into an error; None for a plain sentence.
        is_transient: Whether another attempt is worth it, for APIs whose statuses do not say so.
    """

    def __init__(
        self,
        place: str,
        base_url: str,
        config: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        authorize: Callable[[bool], Mapping[str, str]] | None = None,
        secrets: Sequence[str] = (),
        account: str = "",
        limits: Limits = Limits(),  # noqa: B008 frozen
        connections: int = 8,
        refusal: Callable[[Answer, str], SourceError | None] | None = None,
        is_transient: Callable[[Answer], bool] | None = None,
    ) -> None:
        self.place, self.base_url, self.limits = place, base_url.rstrip("/"), limits
        self._headers = {"Accept": "application/json", "User-Agent": "pwh", **(headers or {})}
        self._authorize, self._secrets = authorize, [text for text in secrets if text]
        self._bucket = bucket(f"{self.base_url} {account}", limits)
        self._session = new_session(connections, egress_of(config))
        self._refusal, self._is_transient = refusal, is_transient
        self._is_stopped = threading.Event()

    def get(self, path: str, params: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """The JSON of a GET; see `call` for what it raises."""
        return self.json("GET", path, params=params, **more)

    def post(self, path: str, body: Any, **more: Any) -> Any:
        """The JSON of a POST with a JSON body. It must change nothing: it is repeated as a GET is."""
        return self.json("POST", path, body=body, **more)

    def json(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a call."""
        answer = self.call(method, path, is_json=True, **more)
        return answer.json()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        body: Any = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_json: bool = False,
    ) -> Answer:
        """A good answer. `path` may be an absolute address at the same host, such as a link to the next page.

        Raises:
            SourceAccessError: refused, or led to another host.
            SourceUnavailableError: no good answer within the limits; `retry_after_s` is what the peer asked for.
            SourceError: any other refusal.
        """
        url = self._address(path)
        deadline = time.monotonic() + self.limits.total_s
        attempt, hops, was_renewed, is_stale = 1, 0, False, False
        while True:
            self._wait(self._bucket.wait_s(time.monotonic()))
            answer: Answer | None = None
            asked_s: float | None = None
            try:
                answer = self._once(method, url, params, body, data, headers, is_stale)
            except _Broken as broken:
                problem = broken.words
            is_stale = False
            if answer is not None:
                if answer.status in _REDIRECTS and (to := answer.headers.get("Location")):
                    url, params, hops = self._address(urljoin(url, to)), None, hops + 1
                    if hops > 5:
                        raise SourceAccessError(
                            f"{self.place} sends us in circles. Check its address."
                        )
                    continue
                if answer.status == 401 and self._authorize and not was_renewed:
                    was_renewed = is_stale = True
                    continue
                found = self._problem(answer, is_json)
                if found is None:
                    return answer
                problem, asked_s = found, retry_after_s(answer.headers)
            wait_s = asked_s or backoff_s(attempt)
            is_over = attempt >= self.limits.tries or time.monotonic() + wait_s > deadline
            if is_over or wait_s > self.limits.longest_wait_s:
                raise self._gave_up(answer, problem, attempt, asked_s)
            log.info("%s: %s, attempt %d in %.1f s", self.place, problem, attempt + 1, wait_s)
            if asked_s is not None:
                self._bucket.pause(asked_s)
            self._wait(wait_s)
            attempt += 1

    def stop(self) -> None:
        """Whoever waits for an answer, or begins a call, gets CancelledError."""
        self._is_stopped.set()
        self._session.close()

    def hide(self, text: str) -> str:
        """A peer's words without our credentials, one line, at most 300 characters."""
        for secret in self._secrets:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, "***")
        text = " ".join(text.split())[:300]
        return text if text.endswith((".", "!", "?")) else f"{text}."

    def _address(self, path: str) -> str:
        """Only the host the credentials are for gets them."""
        if path.startswith("//") or "://" in path.partition("?")[0]:
            ours, theirs = urlsplit(self.base_url), urlsplit(path)
            if (theirs.scheme, theirs.netloc) == ("http", ours.netloc) and ours.scheme == "https":
                return f"https{path[4:]}"  # a proxy before the API took the TLS off
            if _origin(theirs.scheme, theirs.netloc) != _origin(ours.scheme, ours.netloc):
                raise SourceAccessError(
                    f"{self.place} sends us to another address, `{theirs.scheme}://{theirs.netloc}`, which would "
                    "get the credentials. Check the address of the source (`base_url`)."
                )
            return path
        return f"{self.base_url}/{path.lstrip('/')}"

    def _once(
        self,
        method: str,
        url: str,
        params: Any,
        body: Any,
        data: Any,
        headers: Mapping[str, str] | None,
        is_stale: bool,
    ) -> Answer:
        import requests
        import urllib3

        own = {} if self._authorize is None else self._authorize(is_stale)
        sent = None if body is None else jsons.dumps(body).encode()
        kinds = {} if sent is None else {"Content-Type": "application/json"}
        ends = time.monotonic() + self.limits.answer_s
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=data if sent is None else sent,
                headers={**self._headers, **kinds, **own, **(headers or {})},
                timeout=self.limits.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                blocks: list[bytes] = []
                size = 0
                # Not `iter_content`: it waits for a whole block, and a peer that drips holds it for ever.
                while block := response.raw.read1(_BLOCK, decode_content=True):
                    blocks.append(block)
                    size += len(block)
                    if self._is_stopped.is_set():
                        raise CancelledError(self.place)
                    if time.monotonic() > ends:
                        raise _Broken("it took too long")
                    if size > self.limits.largest_bytes:
                        raise UnreadableDataError(
                            self.place,
                            f"an answer is larger than {self.limits.largest_bytes >> 20} MiB.",
                            "Ask for smaller pages.",
                        )
                return Answer(response.status_code, response.headers, b"".join(blocks), url)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if self._is_stopped.is_set():
                raise CancelledError(self.place) from None
            raise _Broken(kind_of(error)) from None

    def _problem(self, answer: Answer, is_json: bool) -> str | None:
        """None for a good answer, words for one worth another attempt; raises for a refusal."""
        if answer.status in _TRANSIENT or (self._is_transient and self._is_transient(answer)):
            return f"it answered {answer.status}"
        if answer.status >= 300:
            raise self._refused(answer)
        if is_json:
            try:
                answer.json()
            except ValueError:
                return "it answered with something that is not JSON"
        return None

    def _refused(self, answer: Answer) -> SourceError:
        said = self.hide(message_of(answer))
        if self._refusal and (error := self._refusal(answer, said)):
            return error
        if answer.status in (401, 403):
            return SourceAccessError(
                f"{self.place} refused us ({answer.status}): {said} Check the credentials and what they may read."
            )
        return SourceError(
            f"{self.place} refused `{urlsplit(answer.url).path}` ({answer.status}): {said}"
        )

    def _gave_up(
        self, answer: Answer | None, problem: str, attempts: int, asked_s: float | None
    ) -> SourceUnavailableError:
        times = "" if attempts == 1 else f" ({attempts} attempts)"
        if answer is not None and answer.status >= 400:
            said = self.hide(message_of(answer))
            wait = "" if asked_s is None else f" It asks us to wait {asked_s:.0f} s."
            error = SourceUnavailableError(
                f"{self.place} answered {answer.status}{times}: {said}{wait} Sync again later."
            )
        elif answer is not None:
            error = SourceUnavailableError(
                f"{self.place} answered with something that is not JSON{times}. "
                "Check that `base_url` leads to the API, then sync again."
            )
        else:
            error = SourceUnavailableError(
                f"{self.place} did not answer: {problem}{times}. "
                "Check that it can be reached from here, then sync again."
            )
        error.retry_after_s = asked_s
        return error

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._is_stopped.wait(seconds)
        if self._is_stopped.is_set():
            raise CancelledError(self.place)


class _Broken(Exception):
    """Nothing whole came over the wire."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


def message_of(answer: Answer) -> str:
    """The sentence in an error's body, wherever APIs put it; else the beginning of the body.

    >>> message_of(Answer(400, {}, b'[{"message": "No such column", "errorCode": "INVALID_FIELD"}]', ""))
    'No such column'
    """
    try:
        found = answer.json()
    except ValueError:
        return " ".join(answer.body[:200].decode("utf-8", "replace").split()) or "no reason given"
    while isinstance(found, list | dict):
        if isinstance(found, list):
            found = found[0] if found else "no reason given"
            continue
        names = (
            "message",
            "error_description",
            "description",
            "detail",
            "error",
            "errors",
            "title",
        )
        found = next((found[name] for name in names if found.get(name)), jsons.dumps(found)[:200])
    return str(found)


def _origin(scheme: str, netloc: str) -> tuple[str, str]:
    host = netloc.rpartition("@")[2].lower()
    default = {"https": ":443", "http": ":80"}.get(scheme.lower(), "")
    return scheme.lower(), host.removesuffix(default) if default else host
