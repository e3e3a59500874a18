"""Salesforce's REST API: signing in, describing objects, SOQL page by page, and Bulk 2.0 for what is large."""

import csv
import io
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pwh_assets.errors import SourceAccessError, SourceError, SourceUnavailableError
from pwh_assets.sources.errors import TableMissingError
from pwh_assets.sources.http import Answer, Api, Limits, in_order
from pwh_assets.sources.salesforce.fields import SalesforceObject, is_offered

API_VERSION = "v62.0"
BULK_ROWS = 50_000
"""Rows per part of a bulk answer."""
POLL_S = (1.0, 30.0)
"""A bulk job is asked after, first and at most."""
JOB_S = 3 * 3600
THREADS = 4
NAME = re.compile(r"\w{1,80}", re.ASCII)
"""What an object or a field may be called: such a name may stand in a query."""
_BASE = f"/services/data/{API_VERSION}"
_SIGN_IN_WORDS = ("INVALID_SESSION_ID", "INVALID_LOGIN", "INSUFFICIENT_ACCESS", "API_DISABLED")


class SalesforceApi:
    """One organisation as one connected app. Safe in several threads."""

    def __init__(self, config: Mapping[str, Any], attempts: int | None = None) -> None:
        self._config = config
        self.place = f"Salesforce at `{config['instance_url']}`"
        self._token = ""
        self._lock = threading.Lock()
        secrets = [
            str(config[name]) for name in ("client_secret", "refresh_token") if config.get(name)
        ]
        limits = Limits(attempts, per_second=20, burst=20)
        self._sign_in = Api(
            self.place, config["instance_url"], config, secrets=secrets, refusal=self._no_token
        )
        self.http = Api(
            self.place,
            config["instance_url"],
            config,
            authorize=self._authorize,
            secrets=secrets,
            account=str(config["client_id"]),
            limits=limits,
            refusal=self._refusal,
            connections=THREADS + 2,
        )

    def _authorize(self, is_stale: bool) -> dict[str, str]:
        with self._lock:
            if is_stale or not self._token:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": str(self._config["client_id"]),
                    "client_secret": str(self._config["client_secret"]),
                }
                if self._config.get("refresh_token"):
                    form |= {
                        "grant_type": "refresh_token",
                        "refresh_token": str(self._config["refresh_token"]),
                    }
                answer = self._sign_in.json("POST", "/services/oauth2/token", data=form)
                self._token = str(answer["access_token"])
            return {"Authorization": f"Bearer {self._token}"}

    def objects(self) -> list[SalesforceObject]:
        """Those that are offered, each described."""
        listed = self.http.get(f"{_BASE}/sobjects")["sobjects"]
        names = [str(one["name"]) for one in listed if is_offered(one)]
        return list(in_order(self.object, names, THREADS))

    def object(self, name: str) -> SalesforceObject:
        """One object as it is now. Raises TableMissingError."""
        if not NAME.fullmatch(name):
            raise TableMissingError(name, self.place)
        try:
            return SalesforceObject.of(self.http.get(f"{_BASE}/sobjects/{name}/describe"))
        except _MissingError:
            raise TableMissingError(name, self.place) from None

    def count(self, soql_tail: str) -> int:
        """How many rows `FROM …` has."""
        return int(self.query(f"SELECT COUNT() FROM {soql_tail}")["totalSize"])

    def query(self, soql: str) -> Any:
        """The first page of an answer."""
        return self.http.get(f"{_BASE}/query", {"q": soql})

    def pages(self, soql: str, with_deleted: bool) -> Iterator[list[dict[str, Any]]]:
        """Pages of records, of 2,000 where rows are not wide."""
        call = "queryAll" if with_deleted else "query"
        answer = self.http.get(f"{_BASE}/{call}", {"q": soql})
        while True:
            yield answer["records"]
            if answer["done"]:
                return
            answer = self.http.get(answer["nextRecordsUrl"])

    def bulk(self, soql: str, with_deleted: bool) -> Iterator[list[dict[str, Any]]]:
        """The answer of a bulk job in parts; every value is text, an empty one None. The job is removed afterwards.

        Raises:
            SourceError: the job failed; Salesforce's words are in it.
            SourceUnavailableError: it did not end within hours.
        """
        operation = "queryAll" if with_deleted else "query"
        body = {"operation": operation, "query": soql, "contentType": "CSV", "lineEnding": "LF"}
        job = str(self.http.post(f"{_BASE}/jobs/query", body)["id"])
        try:
            self._await(job)
            locator = ""
            while locator != "null":
                params = {"maxRecords": BULK_ROWS, **({"locator": locator} if locator else {})}
                answer = self.http.call(
                    "GET",
                    f"{_BASE}/jobs/query/{job}/results",
                    params=params,
                    headers={"Accept": "text/csv"},
                )
                yield list(_rows(answer))
                locator = answer.headers.get("Sforce-Locator", "null")
        finally:
            self._remove(job)

    def _await(self, job: str) -> None:
        wait_s, most_s = POLL_S
        deadline = time.monotonic() + JOB_S
        while time.monotonic() < deadline:
            found = self.http.get(f"{_BASE}/jobs/query/{job}")
            if found["state"] == "JobComplete":
                return
            if found["state"] in ("Failed", "Aborted"):
                said = self.http.hide(str(found.get("errorMessage") or "no reason given"))
                raise SourceError(f"{self.place}: the bulk query {found['state'].lower()}: {said}")
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, most_s)
        raise SourceUnavailableError(
            f"{self.place} did not end a bulk query within {JOB_S // 3600} hours. Sync again later."
        )

    def _remove(self, job: str) -> None:
        """Jobs count against a limit; one that cannot be removed goes by itself after seven days."""
        try:
            self.http.call("DELETE", f"{_BASE}/jobs/query/{job}")
        except SourceError:
            return

    def _refusal(self, answer: Answer, said: str) -> SourceError | None:
        body = answer.body.decode("utf-8", "replace")
        if answer.status == 404:
            return _MissingError(f"{self.place} has no such object: {said}")
        if "REQUEST_LIMIT_EXCEEDED" in body:
            error = SourceUnavailableError(
                f"{self.place}: the calls of the last 24 hours are used up: {said} Sync again later, or less often."
            )
            error.retry_after_s = 3600
            return error
        if answer.status in (401, 403) or any(word in body for word in _SIGN_IN_WORDS):
            return SourceAccessError(
                f"{self.place} refused us: {said} Check that the connected app's user may use the API and view the "
                "objects."
            )
        return None

    def _no_token(self, answer: Answer, said: str) -> SourceError | None:
        return SourceAccessError(
            f"{self.place} gives no token: {said} Check `client_id` and `client_secret`, and that the connected app "
            "allows the client credentials flow with a user to run as."
        )


class _MissingError(SourceError):
    """There is no such thing."""


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    reader = csv.reader(io.StringIO(answer.body.decode("utf-8"), newline=""))
    names = next(reader, [])
    for values in reader:
        yield {name: value or None for name, value in zip(names, values, strict=True)}
