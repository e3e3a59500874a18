"""Alerts over real HTTP and SMTP from a real home: once each, signed, sealed, and never lost."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from pwh_assets.cli import main
from pwh_assets.core.alert import AlertEvent, DeliveryStatus
from pwh_assets.core.health import IssueKind
from pwh_assets.core.source import TableStatus
from pwh_assets.errors import InvalidInputError, PwhError
from pwh_assets.platform import open_platform
from pwh_assets.services.alerts import (
    HealthWatch,
    add_channel,
    channel_facts,
    deliver,
    remove_channel,
    retry,
    send_test,
)
from pwh_assets.services.health import Rules, evaluate, health
from pwh_assets.services.sources.connecting import create_source
from pwh_assets.services.sync.table import sync_table
from pwh_assets.services.views.saved import save_view
from pwh_assets.settings import Settings
from pwh_assets.sources.network.egress import PrivateHostError
from tests.e2e.homes import Warehouse, orders, people
from tests.servers.certificates import Authority
from tests.servers.smtp import MailServer

NOW_OR_NEVER = Rules(timedelta(0), timedelta(0))
TOKEN = "T0KEN-planted"
PASSWORD = "planted-mail-password"


class Receiver:
    """Takes webhooks. `answers` are statuses for the next ones, then 200; `holds` keeps them waiting for an answer."""

    def __init__(self):
        self.got, self.answers, self.headers = [], [], {}
        self.holds = threading.Event()
        self.came = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                receiver.came.set()
                while receiver.holds.is_set():
                    time.sleep(0.02)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                """What came is in `got`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *problem: None
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook/{TOKEN}"

    def bodies(self):
        return [json.loads(body) for _, _, body in self.got]

    def close(self):
        self.holds.clear()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    home = tmp_path_factory.mktemp("alerts") / "home"
    warehouse = Warehouse(home)
    warehouse.platform.store.close()
    warehouse.platform.lakes.close()
    environment = {"PWH_HOME": str(home), "PWH_ALLOW_PRIVATE_HOSTS": "1"}
    warehouse.settings = Settings.from_env(environment)
    warehouse.platform = open_platform(warehouse.settings)
    warehouse.store, warehouse.lake = (
        warehouse.platform.store,
        warehouse.platform.lakes.of(1),
    )
    warehouse.write("users", people())
    warehouse.write("orders", orders(10))
    save_view(warehouse.platform, 1, "kept", "SELECT id FROM app_users")
    yield warehouse
    warehouse.close()


@pytest.fixture
def home(warehouse):
    """Two tables and a view, all well; nobody is told of anything, and no incident is open."""
    mend_users(warehouse)
    for channel in warehouse.store.channels(1):
        remove_channel(warehouse.platform, 1, channel.id)
    evaluate(warehouse.platform, 1, NOW_OR_NEVER)
    evaluate(warehouse.platform, 1, NOW_OR_NEVER)
    assert warehouse.store.open_incidents(1) == []
    return warehouse


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.close()


def add(home, body):
    return add_channel(home.platform, 1, {"name": "ops", **body})


def hook(home, receiver, **more):
    return add(home, {"kind": "webhook", "url": receiver.url, **more})


def break_users(home, words="No route to host."):
    failed = {"status": TableStatus.FAILED, "latest_error": words, "failed_at": datetime.now(UTC)}
    home.store.update_table(home.table("app_users").id, **failed)


def mend_users(home):
    well = {"status": TableStatus.COMPLETED, "last_synced_at": datetime.now(UTC)}
    users = home.table("app_users")
    home.store.update_table(users.id, latest_error=None, failed_at=None, **well)


def look(home):
    evaluate(home.platform, 1, NOW_OR_NEVER)
    return deliver(home.platform)


def due_now(home):
    """As if the wait before the next attempt were over."""
    with home.store._db.write() as connection:
        connection.execute(text("UPDATE alert_deliveries SET next_at = created_at"))


def test_a_webhook_is_called_once_when_it_breaks_and_once_when_it_heals(home, receiver):
    secret = hook(home, receiver).secret
    break_users(home)
    assert [look(home).delivered for _ in range(3)] == [1, 0, 0]
    (path, headers, body) = receiver.got[0]
    assert path.endswith(TOKEN)
    sent = json.loads(body)
    assert sent["type"] == "health.broke" and sent["id"] == headers["webhook-id"]
    issue = sent["data"]["issue"]
    assert (issue["name"], issue["kind"], issue["blocks"]) == ("app_users", "failed", ["kept"])
    assert "No route to host." in sent["text"] and "It holds up (1): kept." in sent["text"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{made}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    mend_users(home)
    assert [look(home).delivered for _ in range(3)] == [1, 0, 0]
    healed = receiver.bodies()[1]
    assert healed["type"] == "health.healed" and "well again" in healed["text"]
    assert healed["data"]["incident_id"] == sent["data"]["incident_id"]
    assert [one.event.value for one in home.store.health_events(1, 2)] == ["healed", "opened"]


def test_the_watch_of_two_processes_tells_everything_once(home, receiver):
    hook(home, receiver)
    watches = [HealthWatch(home.platform, NOW_OR_NEVER, 0.05, 0.05) for _ in range(3)]
    for watch in watches:
        watch.start()
    try:
        break_users(home)
        _until(lambda: len(receiver.got) >= 1)
        mend_users(home)
        _until(lambda: len(receiver.got) >= 2)
        time.sleep(0.3)
    finally:
        for watch in watches:
            watch.stop()
    assert [body["type"] for body in receiver.bodies()] == ["health.broke", "health.healed"]


def test_what_does_not_arrive_is_tried_again_dies_visibly_and_becomes_an_issue(home, receiver):
    hook(home, receiver)
    break_users(home)
    receiver.answers = [500, 302, 503, 429, 410]
    receiver.headers = {"Retry-After": "3000", "Location": "http://127.0.0.1:1/"}
    evaluate(home.platform, 1, NOW_OR_NEVER)
    for attempt in range(1, 4):
        assert deliver(home.platform).failed == 1 and deliver(home.platform).failed == 0
        (waiting,) = home.store.deliveries(1, status=DeliveryStatus.PENDING)
        assert waiting.attempts == attempt and waiting.next_at > datetime.now(UTC)
        assert waiting.next_at > datetime.now(UTC) + timedelta(minutes=40)  # as it asked for
        due_now(home)
    assert (
        "Redirects are not followed" not in waiting.latest_error and "503" in waiting.latest_error
    )
    issues = {one.name: one for one in health(home.platform, 1)}
    assert issues["ops"].kind is IssueKind.CHANNEL and issues["ops"].type == "alert_channel"
    assert issues["ops"].since == home.store.channels(1)[0].failing_since
    assert TOKEN not in repr(issues) and "pwh alert test ops" in issues["ops"].way_out
    assert deliver(home.platform).failed == 1
    due_now(home)
    assert deliver(home.platform).failed == 1  # 410 Gone: no further attempt
    (dead,) = home.store.deliveries(1, status=DeliveryStatus.DEAD)
    assert dead.attempts == 5 and "410" in dead.latest_error
    assert retry(home.platform, 1, dead.id) == 1 and deliver(home.platform).delivered == 1
    assert "ops" not in {one.name for one in health(home.platform, 1)}
    assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
    assert len({body for _, _, body in receiver.got}) == 1


def test_one_channel_in_trouble_does_not_keep_the_others_back(home, receiver):
    hook(home, receiver)
    add(home, {"name": "lost", "kind": "slack", "url": "http://127.0.0.1:9/services/x"})
    break_users(home)
    done = look(home)
    assert (done.delivered, done.failed) == (1, 1)
    by_channel = {one.channel: one.status.value for one in home.store.deliveries(1, 2)}
    assert by_channel == {"ops": "delivered", "lost": "pending"}


def test_a_kill_between_sending_and_writing_it_down_sends_the_same_again_and_loses_nothing(
    home, receiver
):
    hook(home, receiver)
    break_users(home)
    evaluate(home.platform, 1, NOW_OR_NEVER)
    environment = {
        **os.environ,
        "PWH_HOME": str(home.settings.home),
        "PWH_ALLOW_PRIVATE_HOSTS": "1",
    }
    receiver.holds.set()
    command = [sys.executable, "-m", "pwh_assets.cli", "alert", "run"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    assert receiver.came.wait(60)
    assert deliver(home.platform).delivered == 0, "another process is sending it"
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    receiver.holds.clear()
    assert deliver(home.platform).delivered == 1
    first, second = receiver.got
    assert first[1]["webhook-id"] == second[1]["webhook-id"] and first[2] == second[2]
    (done,) = home.store.deliveries(1, 1)
    assert done.status is DeliveryStatus.DELIVERED
    assert deliver(home.platform).delivered == 0


def test_slack_gets_text_in_which_nothing_calls_people_or_links(home, receiver):
    add(home, {"kind": "slack", "url": receiver.url})
    break_users(home, "bad <!channel> & <https://evil.example|click>")
    look(home)
    (said,) = receiver.bodies()
    assert set(said) == {"text"}
    assert said["text"].startswith(":red_circle: `app_users` failed since 20")
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;" in said["text"]


def test_an_alert_leads_to_its_asset_where_there_is_a_public_address(home, receiver):
    settings = replace(home.settings, public_url="https://pwh.example.com")
    platform = replace(home.platform, settings=settings)
    hook(home, receiver)
    break_users(home)
    evaluate(platform, 1, NOW_OR_NEVER)
    assert deliver(platform).delivered == 1
    (sent,) = receiver.bodies()
    assert sent["data"]["link"] == "https://pwh.example.com/dagster/assets/postgres_app/users"
    assert sent["text"].endswith(
        "\nLook: https://pwh.example.com/dagster/assets/postgres_app/users"
    )


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_mail_arrives_encrypted_and_logged_in(home, tmp_path, security):
    authority = Authority()
    files = authority.issue(tmp_path, "127.0.0.1") if security != "none" else None
    login = ("pwh", PASSWORD) if security != "none" else None
    with MailServer(security, files, login) as server:
        body = {"kind": "email", "host": "127.0.0.1", "port": server.port, "security": security}
        body |= {"from": "pwh@warehouse.example", "to": ["ops@example.com", "cto@example.com"]}
        if login:
            body |= {"username": "pwh", "password": PASSWORD, "ca_certificate": authority.pem}
        add(home, body)
        break_users(
            home, "Zeile mit Ümlaut\r\n.\r\nRCPT TO:<evil@example.com>\r\nBcc: x@example.com"
        )
        assert look(home).delivered == 1
        mend_users(home)
        assert look(home).delivered == 1
    broke, healed = server.mails
    assert (broke.sender, broke.recipients) == (
        "pwh@warehouse.example",
        ("ops@example.com", "cto@example.com"),
    )
    assert broke.login == login and broke.is_encrypted is (security != "none")
    message = broke.message
    assert message["Subject"] == "[PWH] app_users failed" and message["Bcc"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_content()
    assert "Ümlaut" in text and "RCPT TO:<evil@example.com>" in text and "Way out:" in text
    ids = [one.id for one in home.store.deliveries(1, 2)]
    assert message["Message-ID"].strip("<>").split("@")[0] in ids
    assert healed.message["Subject"] == "[PWH] Healed: app_users"
    assert healed.message["References"] == message["References"]


def test_what_a_mail_server_says_no_to_is_told_without_the_password(home, tmp_path):
    authority = Authority()
    files = authority.issue(tmp_path, "127.0.0.1")
    with MailServer("starttls", files, ("pwh", "another")) as server:
        body = {"kind": "email", "host": "127.0.0.1", "port": server.port, "to": "a@example.com"}
        body |= {"from": "pwh@example.com", "username": "pwh", "password": PASSWORD}
        add(home, {**body, "ca_certificate": authority.pem})
        add(home, {**body, "name": "untrusted"})
        add(home, {**body, "name": "wrong", "security": "tls", "ca_certificate": authority.pem})
        said = {name: send_test(home.platform, 1, name) for name in ("ops", "untrusted", "wrong")}
        assert {one.status for one in said.values()} == {DeliveryStatus.DEAD}
        assert "535" in said["ops"].latest_error and "***" in said["ops"].latest_error
        assert "was not trusted" in said["untrusted"].latest_error
        assert "was not trusted" in said["wrong"].latest_error
        assert PASSWORD not in repr(said)
    with MailServer() as server:
        body = {"kind": "email", "host": "127.0.0.1", "port": server.port, "from": "p@example.com"}
        body |= {"to": ["a@example.com", "b@example.com"]}
        add(home, {**body, "name": "plain", "security": "none"})
        add(home, {**body, "name": "insisting"})
        assert "STARTTLS" in send_test(home.platform, 1, "insisting").latest_error
        server.refused = {"b@example.com"}
        done = send_test(home.platform, 1, "plain")
        assert done.status is DeliveryStatus.DELIVERED and "`b@example.com`" in done.latest_error
        server.refused = {"a@example.com", "b@example.com"}
        assert "550: no such mailbox" in send_test(home.platform, 1, "plain").latest_error
        server.refused, server.says_after_data = set(), "451 later"
        assert "451: later" in send_test(home.platform, 1, "plain").latest_error
        server.greeting = "554 go away"
        assert "554" in send_test(home.platform, 1, "plain").latest_error
    assert "was not reached" in send_test(home.platform, 1, "plain").latest_error
    assert home.store.channel(1, "plain").failures == 0, "a test is no failure of alerts"
    mail = {one.channel for one in home.store.deliveries(1) if one.event is AlertEvent.TEST}
    assert {"ops", "plain"} <= mail


def test_a_mistake_in_a_channel_names_its_field(home):
    mail = {"host": "127.0.0.1", "from": "a@example.com", "to": ["b@example.com"]}
    for change, attr in MISTAKES:
        own = mail if change.get("kind") == "email" else {"url": "http://127.0.0.1:9/x"}
        with pytest.raises(InvalidInputError) as caught:
            add(home, {"kind": "webhook", **own, **change})
        assert caught.value.attr == attr, change
    assert home.store.channels(1) == []


MISTAKES = [
    ({"name": ""}, "name"),
    ({"name": "a\r\nb"}, "name"),
    ({"kind": "sms"}, "kind"),
    ({"urll": "x"}, "urll"),
    ({"url": "ftp://example.com/x"}, "url"),
    ({"url": "https://user:pw@example.com/"}, "url"),
    ({"url": "https://example.com/a b"}, "url"),
    ({"url": "http://[::1/"}, "url"),
    ({"secret": "short"}, "secret"),
    ({"filters": {"kinds": ["faild"]}}, "filters.kinds"),
    ({"filters": {"min_severity": "fatal"}}, "filters.min_severity"),
    ({"filters": {"kind": "failed"}}, "filters.kind"),
    ({"filters": {"names": [7]}}, "filters.names"),
    ({"kind": "email", "host": "a b"}, "host"),
    ({"kind": "email", "port": 0}, "port"),
    ({"kind": "email", "security": "ssl"}, "security"),
    ({"kind": "email", "security": "none", "password": "x"}, "security"),
    ({"kind": "email", "from": "a@example.com\r\nBcc: b@example.com"}, "from"),
    ({"kind": "email", "to": ["a@example.com", "b@example.com>\r\nRCPT TO:<c@x.de"]}, "to"),
    ({"kind": "email", "to": []}, "to"),
    ({"kind": "email", "username": "a\nb", "password": "x"}, "username"),
    ({"kind": "email", "ca_certificate": "-----BEGIN"}, "ca_certificate"),
]


def test_private_addresses_are_refused_when_added_and_again_when_sent_to(home, receiver):
    with MailServer() as server:
        mail = {"kind": "email", "name": "mail", "host": "127.0.0.1", "port": server.port}
        mail |= {"security": "none", "from": "a@example.com", "to": "b@example.com"}
        add(home, mail)
        hook(home, receiver)
        strict = open_platform(Settings.from_env({"PWH_HOME": str(home.settings.home)}))
        try:
            for body, attr in (
                ({"kind": "webhook", "url": "http://169.254.169.254/latest"}, "url"),
                ({"kind": "slack", "url": receiver.url}, "url"),
                ({**mail, "name": "other"}, "host"),
            ):
                with pytest.raises(PrivateHostError) as caught:
                    add_channel(strict, 1, {"name": "x", **body})
                assert caught.value.attr == attr
            for name in ("ops", "mail"):
                done = send_test(strict, 1, name)
                assert done.status is DeliveryStatus.DEAD
                assert "PWH_ALLOW_PRIVATE_HOSTS" in done.latest_error
        finally:
            strict.lakes.close()
            strict.store.close()
        assert receiver.got == [] and server.mails == []


def test_no_secret_of_a_channel_is_shown_or_kept_in_the_clear(home, receiver):
    secret = hook(home, receiver).secret
    break_users(home)
    look(home)
    shown = repr([channel_facts(one) for one in home.store.channels(1)])
    shown += repr(home.store.deliveries(1)) + repr(home.store.health_events(1))
    assert TOKEN not in shown and secret not in shown
    for file in home.settings.home.rglob("*"):
        if file.is_file() and file.name != "secret.keys":
            raw = file.read_bytes()
            assert TOKEN.encode() not in raw and secret.encode() not in raw, file.name


def test_a_sync_that_really_fails_and_heals_is_told(home, receiver, tmp_path):
    """By a server that is not there and then is: through the sync itself, not through the store."""
    hook(home, receiver, filters={"sources": ["files_shop"]})
    folder = tmp_path / "shop"
    folder.mkdir()
    file = folder / "plans.csv"
    file.write_text("id,name\n1,free\n")
    source = create_source(home.platform, 1, _files_body(folder))
    (table,) = home.store.tables(1, source.id)
    sync_table(home.platform, table)
    file.unlink()
    with pytest.raises(PwhError):
        sync_table(home.platform, home.store.table(table.id))
    assert look(home).delivered == 1
    file.write_text("id,name\n1,free\n2,pro\n")
    sync_table(home.platform, home.store.table(table.id))
    assert look(home).delivered == 1
    assert [body["type"] for body in receiver.bodies()] == ["health.broke", "health.healed"]
    home.store.remove_source(source.id)


def test_every_channel_on_the_page_can_be_added(home):
    page = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()
    found = re.findall(r"<!-- alert-example -->\n```json\n(.+?)```", page, re.DOTALL)
    assert len(found) == 3
    for text_ in found:
        add_channel(
            home.platform,
            1,
            json.loads(re.sub(r"[a-z]+\.(example|slack)\.com(?=[/\"])", "127.0.0.1", text_)),
        )
    assert {one.kind.value for one in home.store.channels(1)} == {"webhook", "slack", "email"}


def test_the_whole_way_on_the_command_line(home, receiver, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PWH_HOME", str(home.settings.home))
    monkeypatch.setenv("PWH_ALLOW_PRIVATE_HOSTS", "1")
    file = tmp_path / "channel.json"
    file.write_text(json.dumps({"name": "ops", "kind": "webhook", "url": receiver.url}))

    def pwh(*words, status=0):
        capsys.readouterr()
        assert main([*words]) == status, words
        out = capsys.readouterr().out
        assert TOKEN not in out
        return json.loads(out) if "--json" in words else out

    added = pwh("alert", "add", str(file), "--json")
    assert added["secret"].startswith("whsec_") and added["address"].endswith("/…")
    pwh("alert", "add", str(file), status=2)
    assert (
        "ops" in pwh("alert", "list")
        and "secret" not in pwh("alert", "list", "--json")["results"][0]
    )
    assert "It arrived over `ops`" in pwh("alert", "test", "ops")
    receiver.answers = [500]
    assert pwh("alert", "test", "ops", "--json", status=1)["status"] == "dead"
    break_users(home)
    issues = pwh("health", "--json", "--name", "app_users", status=1)["results"]
    assert [(one["name"], one["severity"]) for one in issues] == [("app_users", "error")]
    assert pwh("health", "--json", "--name", "app_orders")["count"] == 0
    evaluate(home.platform, 1, NOW_OR_NEVER)
    receiver.answers = [503]
    assert "1 failed" in pwh("alert", "run", status=1)
    waiting = pwh("alert", "deliveries", "--status", "pending", "--channel", "ops", "--json")[
        "results"
    ]
    assert [one["attempts"] for one in waiting] == [1] and "503" in pwh("alert", "deliveries")
    assert "1 alert sent, 0 failed" in pwh("alert", "retry", waiting[0]["id"])
    pwh("alert", "retry", waiting[0]["id"], status=2)
    assert "Nothing is dead or waits" in pwh("alert", "retry")
    history = pwh("health", "--history", "--json", "--limit", "1")["results"]
    assert [(one["event"], one["name"]) for one in history] == [("opened", "app_users")]
    assert "app_users" in pwh("health", "--history", "--name", "app_users")
    assert "told nothing any more" in pwh("alert", "remove", "ops")
    pwh("alert", "remove", "ops", status=2)


def _files_body(folder):
    return {"source_type": "files", "prefix": "shop_", "payload": {"url": str(folder)}}


def _until(is_so, seconds=30.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
