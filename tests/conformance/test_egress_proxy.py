"""Clients that resolve names themselves reach what the policy allows, by the address it checked, and nothing else."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pwh_assets.core.source import SyncMode
from pwh_assets.errors import SourceAccessError
from pwh_assets.sources.network import egress
from pwh_assets.sources.network.egress import ANYWHERE, KEY, Egress, PrivateHostError
from pwh_assets.sources.network.guard import Guard, guarded
from tests.servers.certificates import Authority
from tests.servers.names import NAME, Resolver, by_name
from tests.servers.source_rigs import read

pytestmark = pytest.mark.usefixtures("loopback_is_public")


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


@pytest.fixture
def guard() -> Iterator[Guard]:
    with guarded({KEY: Egress(resolver=Resolver("127.0.0.1"))}) as found:
        assert found is not None
        yield found


def asked(guard: Guard, head: str, password: str | None = None) -> socket.socket:
    """A connection to the proxy that has sent a request's first line, and the login."""
    end = socket.create_connection((guard.host, guard.port), 10)
    login = guard.authorization if password is None else password
    end.sendall(f"{head}\r\nHost: x\r\nProxy-Authorization: {login}\r\n\r\n".encode())
    return end


def answer(guard: Guard, head: str, password: str | None = None) -> str:
    with asked(guard, head, password) as end:
        return end.recv(4096).decode().split("\r\n")[0]


def test_bytes_pass_both_ways_until_each_side_has_said_its_last(guard: Guard) -> None:
    with (
        listening() as there,
        asked(guard, f"CONNECT {NAME}:{there.getsockname()[1]} HTTP/1.1") as end,
    ):
        far, _ = there.accept()
        with far:
            assert b" 200 " in end.recv(4096)
            end.sendall(b"question" * 100_000)
            end.shutdown(socket.SHUT_WR)
            assert len(b"".join(iter(lambda: far.recv(65536), b""))) == 800_000
            far.sendall(b"answer")
        assert end.recv(6, socket.MSG_WAITALL) == b"answer"
        assert end.recv(1) == b""


def test_only_the_client_it_was_made_for_is_let_through(guard: Guard) -> None:
    with listening() as there:
        head = f"CONNECT {NAME}:{there.getsockname()[1]} HTTP/1.1"
        assert " 407 " in answer(guard, head, "Basic cHdoOmd1ZXNzZWQ=")
        assert " 407 " in answer(guard, head, "")
        assert " 200 " in answer(guard, head)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("CONNECT 10.0.0.1:443 HTTP/1.1", 403),
        ("CONNECT [::1]:443 HTTP/1.1", 403),
        (
            "CONNECT localhost:443 HTTP/1.1",
            403,
        ),  # has `::1` too, or is refused by nobody's answering
        ("CONNECT /run/some.sock:1 HTTP/1.1", 403),
        ("GET http://169.254.169.254/latest/meta-data/ HTTP/1.1", 403),
        ("CONNECT no.such.name.example.:443 HTTP/1.1", 403),
        (f"CONNECT {NAME}:1 HTTP/1.1", 502),
        (f"CONNECT {NAME}:99999 HTTP/1.1", 400),
        (f"CONNECT {NAME} HTTP/1.1", 400),
        ("GET /no/host HTTP/1.1", 400),
        ("GET ftp://db/x HTTP/1.1", 400),
        ("nonsense", 400),
    ],
)
def test_what_may_not_or_cannot_be_reached_is_refused(
    guard: Guard, head: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard._egress.resolver, "answers", ["127.0.0.1"])
    if "localhost" in head:
        monkeypatch.setattr(egress, "resolve", lambda host: ["127.0.0.1", "127.0.0.2"])
    if "no.such" in head:

        def unknown(host: str) -> list[str]:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")

        monkeypatch.setattr(egress, "resolve", unknown)
    assert f" {status} " in answer(guard, head)


def test_plain_http_goes_to_the_checked_address_without_the_proxys_password(guard: Guard) -> None:
    with listening() as there:
        port = there.getsockname()[1]
        with asked(guard, f"POST http://{NAME}:{port}/a%20b?c=d HTTP/1.1") as end:
            far, _ = there.accept()
            with far:
                head = far.recv(65536).decode()
                far.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            assert head.split("\r\n")[0] == "POST /a%20b?c=d HTTP/1.1"
            assert "Connection: close" in head and "uthorization" not in head
            assert b" 204 " in end.recv(4096)


def test_a_certificate_is_checked_against_the_name_by_the_client(
    guard: Guard, tmp_path: Path
) -> None:
    authority = Authority()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*authority.issue(tmp_path, NAME))
    ours = ssl.create_default_context(cadata=authority.pem)
    with listening() as there:

        def serve() -> None:
            with contextlib.suppress(OSError):
                for _ in range(2):
                    with theirs.wrap_socket(there.accept()[0], server_side=True) as peer:
                        peer.recv(65536)
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=serve)
        thread.start()
        for name, is_right in ((NAME, True), ("other.rebind.invalid", False)):
            client = http.client.HTTPSConnection(guard.host, guard.port, timeout=10, context=ours)
            login = {"Proxy-Authorization": guard.authorization}
            client.set_tunnel(name, there.getsockname()[1], login)
            with contextlib.closing(client):
                if is_right:
                    client.request("GET", "/")
                    assert client.getresponse().read() == b"ok"
                else:
                    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
                        client.request("GET", "/")
        thread.join(10)


def test_the_end_of_the_guard_ends_its_connections() -> None:
    with listening() as there:
        with guarded({KEY: Egress(resolver=Resolver("127.0.0.1"))}) as guard:
            assert guard is not None
            end = asked(guard, f"CONNECT {NAME}:{there.getsockname()[1]} HTTP/1.1")
            assert b" 200 " in end.recv(4096)
            far, _ = there.accept()
        with end, far:
            assert (end.recv(1), far.recv(1)) == (b"", b"")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((guard.host, guard.port), 5)


def test_the_policys_own_error_takes_the_place_of_what_a_client_makes_of_it() -> None:
    def client() -> None:
        with guarded({KEY: Egress(resolver=Resolver("127.0.0.2"))}) as guard:
            assert guard is not None and " 403 " in answer(guard, f"CONNECT {NAME}:443 HTTP/1.1")
            raise SourceAccessError("the proxy said 403")

    with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
        client()


def test_who_may_reach_everything_or_has_a_proxy_goes_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with guarded({}) as one, guarded({KEY: ANYWHERE}) as other:
        assert one is other is None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    with guarded({KEY: Egress()}) as third:
        assert third is None


def test_databricks_client_reaches_the_checked_address_also_where_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databricks.sql.common.http import HttpMethod

    from pwh_assets.sources import databricks
    from tests.servers.databricks import DatabricksServer
    from tests.servers.rigs.warehouses import DatabricksRig

    authority = Authority()
    (tmp_path / "ca.pem").write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(databricks, "PATIENCE_S", 1)
    with DatabricksServer(authority.issue(tmp_path, NAME)) as server:
        rig = DatabricksRig(server)
        rig.insert(1)
        direct = rig.config
        rig.config = by_name(direct, "host", "127.0.0.1")
        assert read(rig, SyncMode.FULL)[0] == [1]

        def sent_elsewhere() -> None:
            with databricks.connect(rig.config) as session:
                elsewhere = session._connection.http_client  # what fetches large answers
                elsewhere.request(HttpMethod.GET, "https://10.0.0.1/large-answer")

        with pytest.raises(PrivateHostError, match=r"10\.0\.0\.1"):
            sent_elsewhere()
        with pytest.raises(PrivateHostError, match=r"leads to `127\.0\.0\.2`"):
            rig.source.test_connection(by_name(direct, "host", "127.0.0.2"))
