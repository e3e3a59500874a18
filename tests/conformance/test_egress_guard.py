"""The egress guard from the network's side: what was checked is what is connected to, under the name that was typed."""

import contextlib
import os
import pwd
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.demo.postgres import PrivatePostgres
from pwh_assets.errors import InvalidInputError, SourceAccessError, SourceUnavailableError
from pwh_assets.sources.network.egress import (
    KEY,
    Egress,
    PrivateHostError,
    UnknownHostError,
)
from pwh_assets.sources.registry import discover
from tests.servers.certificates import Authority
from tests.servers.mariadb import PrivateMariaDB
from tests.servers.names import NAME, Resolver
from tests.servers.rigs.mysql import MySQLRig
from tests.servers.source_rigs import PostgresRig, read
from tests.servers.ssh import Bastion

Rigs = PostgresRig | MySQLRig


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Iterator[tuple[Path, Path]]:
    """Files any server's user may read, and nobody else the key of."""
    folder = Path(tempfile.mkdtemp(prefix="pwh-tls-", dir="/tmp"))
    folder.chmod(0o755)
    yield authority.issue(folder, NAME)
    shutil.rmtree(folder)


def owned_by(file: Path, *users: str) -> str:
    """The file's path, handed to the first of these users when we are root."""
    if os.geteuid() == 0:
        for user in users:
            with contextlib.suppress(KeyError):
                os.chown(file, pwd.getpwnam(user).pw_uid, -1)
                break
    file.chmod(0o600)
    return str(file)


@pytest.fixture(scope="module")
def mysql(certificate: tuple[Path, Path], authority: Authority) -> Iterator[PrivateMariaDB]:
    crt, key = certificate
    copy = Path(shutil.copy(key, key.with_name("mysql.key")))
    settings = {"ssl-cert": str(crt), "ssl-key": owned_by(copy, "mysql", "nobody")}
    with PrivateMariaDB(settings=settings) as server:
        yield server


@pytest.fixture(scope="module")
def postgres(certificate: tuple[Path, Path]) -> Iterator[PrivatePostgres]:
    """The system's server: the one of the wheel was built without TLS."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not installed:
        pytest.skip("no PostgreSQL with TLS here: apt-get install postgresql")
    crt, key = certificate
    copy = Path(shutil.copy(key, key.with_name("postgres.key")))
    settings = {"ssl": "on", "ssl_cert_file": str(crt)}
    settings["ssl_key_file"] = owned_by(copy, "postgres", "nobody")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pwh_assets.demo.postgres._programs", lambda: installed[-1])
        with PrivatePostgres(settings=settings) as server:
            yield server


@pytest.fixture(params=["postgres", "mysql"])
def rig(request: pytest.FixtureRequest) -> Rigs:
    server = request.getfixturevalue(request.param)
    return PostgresRig(server) if request.param == "postgres" else MySQLRig(server)


def reached(rig: Rigs, resolver: Resolver, **changes: Any) -> dict[str, Any]:
    return {**rig.config, "host": NAME, KEY: Egress(resolver=resolver), **changes}


@pytest.mark.usefixtures("loopback_is_public")
def test_the_checked_address_is_connected_to_and_the_name_never_asked_again(rig: Rigs) -> None:
    rig.insert(1, 2)
    rig.config = reached(rig, Resolver("127.0.0.1"))
    assert "item" in {table.name for table in rig.source.tables(rig.config)}
    assert read(rig, SyncMode.INCREMENTAL)[0] == [1, 2]


@pytest.mark.usefixtures("loopback_is_public")
def test_a_name_that_answers_differently_the_second_time_is_refused(rig: Rigs) -> None:
    resolver = Resolver("127.0.0.1", "127.0.0.2")
    config = reached(rig, resolver)
    rig.source.test_connection(config)
    assert resolver.asked == 1  # one connection, one question
    with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
        rig.source.test_connection(config)


@pytest.mark.usefixtures("loopback_is_public")
def test_one_private_address_among_others_is_enough_to_refuse(rig: Rigs) -> None:
    policy = Egress(resolver=lambda host: ["127.0.0.1", "10.0.0.1"])
    with pytest.raises(PrivateHostError, match=r"10\.0\.0\.1"):
        rig.source.test_connection({**rig.config, "host": NAME, KEY: policy})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "/var/run/postgresql", "8.8.8.8,127.0.0.1", "0x7f.1"]
)
def test_nothing_private_is_connected_to(rig: Rigs, host: str) -> None:
    with pytest.raises((PrivateHostError, UnknownHostError)):
        rig.source.test_connection({**rig.config, "host": host, KEY: Egress()})


def test_a_name_server_that_does_not_answer_is_worth_another_try(rig: Rigs) -> None:
    def down(host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with pytest.raises(SourceUnavailableError, match="name server"):
        rig.source.test_connection({**rig.config, KEY: Egress(resolver=down)})


@pytest.mark.usefixtures("loopback_is_public")
def test_the_certificate_is_checked_against_the_name_not_the_address(
    rig: Rigs, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text(authority.pem)
    monkeypatch.setattr("pwh_assets.sources.postgres.connection._authorities", lambda: str(trusted))
    own = {"ssl_ca": authority.pem} if isinstance(rig, MySQLRig) else {}
    rig.insert(1)
    by_name = reached(rig, Resolver("127.0.0.1"), sslmode="verify-full", **own)
    rig.source.test_connection(by_name)
    rig.config = by_name
    assert read(rig, SyncMode.FULL)[0] == [1]
    with pytest.raises(SourceAccessError, match=r"(?i)certificate|host name|hostname"):
        rig.source.test_connection({**by_name, "host": "127.0.0.1"})
    with Bastion(to={(NAME, 99): by_name["port"], ("other", 99): by_name["port"]}) as bastion:
        behind = {**by_name, "port": 99, "ssh_tunnel": bastion.config}
        rig.source.test_connection(behind)
        with pytest.raises(SourceAccessError, match=r"(?i)certificate|host name|hostname"):
            rig.source.test_connection({**behind, "host": "other"})


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_certificate_of_an_unknown_authority_is_refused(rig: Rigs, mode: str) -> None:
    with pytest.raises(SourceAccessError, match=r"(?i)certificate"):
        rig.source.test_connection({**rig.config, "sslmode": mode})


def test_tls_without_looking_at_the_certificate(rig: Rigs, authority: Authority) -> None:
    rig.source.test_connection({**rig.config, "sslmode": "require"})
    if isinstance(rig, MySQLRig):
        for text in ("nonsense", "Zertifikat für db"):
            with pytest.raises(InvalidInputError, match="no certificate in PEM form"):
                rig.source.validate({**rig.config, "ssl_ca": text})


# HTTP


@pytest.fixture
def site() -> Iterator[int]:
    """Redirects `/to/<address>` there, on the same port; anything else is answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            port = self.server.server_address[1]
            if self.path.startswith("/to/"):
                self.send_response(302)
                self.send_header("Location", f"http://{self.path[4:]}:{port}/secret")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("loopback_is_public")
def test_a_redirect_is_checked_like_the_first_address(site: int) -> None:
    from pwh_assets.sources.http.session import new_session

    with new_session(2, Egress(resolver=Resolver("127.0.0.1"))) as session:
        assert session.get(f"http://{NAME}:{site}/", timeout=5).text == "ok"
        assert session.get(f"http://{NAME}:{site}/to/{NAME}", timeout=5).text == "ok"
        with pytest.raises(PrivateHostError, match=r"127\.0\.0\.2"):
            session.get(f"http://{NAME}:{site}/to/127.0.0.2", timeout=5)


@pytest.mark.usefixtures("loopback_is_public")
def test_a_session_asks_again_for_every_connection_and_refuses_what_changed(site: int) -> None:
    from pwh_assets.sources.http.session import new_session

    policy = Egress(resolver=Resolver("127.0.0.1", "169.254.169.254"))
    with new_session(1, policy) as session:
        assert session.get(f"http://{NAME}:{site}/", timeout=5, headers={"Connection": "close"})
        with pytest.raises(PrivateHostError, match=r"169\.254\.169\.254"):
            session.get(f"http://{NAME}:{site}/", timeout=5)


@pytest.mark.usefixtures("loopback_is_public")
def test_bigquerys_own_client_connects_to_what_was_checked() -> None:
    from tests.servers.bigquery import BigQueryServer
    from tests.servers.rigs.warehouses import BigQueryRig

    with BigQueryServer() as server:
        rig = BigQueryRig(server)
        rig.insert(1)
        endpoint = server.url.replace("127.0.0.1", NAME)
        policy = Egress(resolver=Resolver("127.0.0.1", "127.0.0.2"))
        config = {**rig.config, "endpoint": endpoint, KEY: policy}
        assert [table.name for table in rig.source.tables(config)] == ["item"]
        with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
            rig.source.tables(config)


# Drivers' options that read files or run commands


@pytest.mark.parametrize("source", ["postgres", "mysql"])
@pytest.mark.parametrize(
    "field",
    [
        "service",
        "passfile",
        "sslkey",
        "options",
        "init_command",
        "local_infile",
        "read_default_file",
        KEY,
    ],
)
def test_options_of_drivers_are_no_fields(source: str, field: str) -> None:
    from pwh_assets.services.sources.body import check_fields

    with pytest.raises(InvalidInputError, match="has no field"):
        check_fields(discover()[source], {"host": "db", field: "/etc/passwd"})


@pytest.mark.parametrize("field", ["database", "user", "password", "host"])
def test_options_inside_a_field_stay_text(rig: Rigs, field: str) -> None:
    value = "x' sslmode=disable service=y host=/tmp passfile=/etc/passwd user=app"
    with pytest.raises((SourceAccessError, UnknownHostError)):
        rig.source.test_connection({**rig.config, field: value})


@contextlib.contextmanager
def rogue_mysql(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that lets everybody in and answers every statement with these bytes; and what it was told."""
    listener = socket.create_server(("127.0.0.1", 0))
    told: list[bytes] = []
    greeting = (
        b"\x0a8.0.0\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<H", 0xF7FF & ~0x800)
        + b"\x21\x02\0" + struct.pack("<H", 0x81FF) + b"\x15" + bytes(10) + b"123456789012\0"
        + b"mysql_native_password\0"
    )  # fmt: skip

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    peer.settimeout(5)
                    peer.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
                    peer.recv(65536)
                    peer.sendall(b"\x07\0\0\x02\0\0\0\x02\0\0\0")
                    while heard := peer.recv(65536):
                        told.append(heard)
                        peer.sendall(struct.pack("<I", len(answer))[:3] + b"\x01" + answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], told
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_a_server_that_asks_for_a_file_gets_none() -> None:
    source = discover()["mysql"]
    with rogue_mysql(b"\xfb/etc/passwd") as (port, told):
        config = {"host": "127.0.0.1", "port": port, "database": "d", "user": "u", "password": "pw"}
        with pytest.raises(SourceAccessError, match="LOAD DATA LOCAL"):
            source.test_connection(source.validate(config))
    assert b"root:" not in b"".join(told)


def test_a_server_that_asks_for_the_password_in_clear_text_does_not_get_it() -> None:
    source = discover()["mysql"]
    with rogue_clear_text() as (port, told):
        config = {"host": "127.0.0.1", "port": port, "database": "d", "user": "u"}
        with pytest.raises(SourceAccessError, match="clear text"):
            source.test_connection(source.validate({**config, "password": "the-password"}))
    assert b"the-password" not in b"".join(told)


@contextlib.contextmanager
def rogue_clear_text() -> Iterator[tuple[int, list[bytes]]]:
    """A server that asks everybody to log in with `mysql_clear_password`."""
    listener = socket.create_server(("127.0.0.1", 0))
    told: list[bytes] = []
    greeting = (
        b"\x0a8.0.0\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<H", 0xF7FF & ~0x800)
        + b"\x21\x02\0" + struct.pack("<H", 0x81FF | 0x8) + b"\x15" + bytes(10) + b"123456789012\0"
        + b"mysql_native_password\0"
    )  # fmt: skip

    def serve() -> None:
        with contextlib.suppress(OSError):
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(2)
                peer.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
                peer.recv(65536)
                switch = b"\xfemysql_clear_password\0"
                peer.sendall(struct.pack("<I", len(switch))[:3] + b"\x02" + switch)
                told.append(peer.recv(65536))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], told
    finally:
        listener.close()
        thread.join(10)
