"""SIGTERM while people ask and programs send: answered or told to come again, nothing acknowledged lost, nobody left over."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import httpx

from pwh_assets.demo.private import free_port
from pwh_assets.platform import open_platform
from pwh_assets.services.capture.loading import load
from pwh_assets.services.hogql.query import run_query
from pwh_assets.settings import Settings

ENDLESS = "SELECT max(MD5(toString(number))) FROM numbers(9000000000)"


def children_of(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text().split()]
    return found


def test_a_stop_answers_what_it_can_and_loses_no_event(tmp_path):
    home = {"PWH_HOME": str(tmp_path / "home"), "PWH_RATE_LIMIT": "off"}
    platform = open_platform(Settings.from_env(home))
    key, capture_key = platform.store.claim_home()
    platform.lakes.of(1)
    platform.lakes.close()
    platform.store.close()
    port = free_port()
    command = [sys.executable, "-m", "pwh_assets.cli.serve", "--port", str(port)]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        command, env={**os.environ, **home}, stdout=log, stderr=log, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {key}"}
    answers, kept, is_over = {}, [], threading.Event()

    def ask(name, sql, path="query/", refresh="blocking"):
        body = {"query": {"kind": "HogQLQuery", "query": sql}, "refresh": refresh}
        try:
            answers[name] = httpx.post(
                f"{url}/api/projects/1/{path}",
                json=body,
                headers=headers,
                timeout=120,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            answers[name] = error

    def send():
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while not is_over.is_set():
                one = str(uuid.uuid4())
                event = {"api_key": capture_key, "event": "kept", "distinct_id": "d", "uuid": one}
                try:
                    answer = client.post("/i/v0/e/", json=event)
                except httpx.HTTPError:
                    return
                assert answer.status_code in (200, 503), answer.text
                if answer.status_code == 200:
                    kept.append(one)

    def under_way():
        text = httpx.get(f"{url}/metrics", timeout=60, trust_env=False).text
        return sum(map(int, re.findall(r"(?m)^pwh_queries_(?:running|waiting) (\d+)$", text)))

    try:
        deadline = time.monotonic() + 120
        while "first" not in answers or isinstance(answers["first"], Exception):
            assert time.monotonic() < deadline and process.poll() is None
            ask("first", "SELECT 1")
        assert answers["first"].status_code == 200, answers["first"].text
        threads = [threading.Thread(target=send) for _ in range(3)]
        threads += [
            threading.Thread(target=ask, args=("endless", ENDLESS)),
            threading.Thread(target=ask, args=("waiting", ENDLESS)),
            threading.Thread(target=ask, args=("third", ENDLESS)),
            threading.Thread(
                target=ask,
                args=("export", "SELECT number FROM numbers(9000000)", "query/?format=csv"),
            ),
        ]
        for one in threads:
            one.start()
        while len(kept) < 20 or under_way() < (3 if "export" in answers else 4):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = children_of(process.pid)
        os.killpg(process.pid, signal.SIGTERM)  # as `pwh up` does
        assert process.wait(60) == 0, (tmp_path / "log").read_text()[-2000:]
    finally:
        is_over.set()
        process.kill()
        process.wait(10)
        log.close()
    for one in threads:
        one.join(30)
    for name in ("endless", "waiting", "third"):
        answer = answers[name]
        assert answer.status_code == 503 and answer.json()["code"] == "stopping", answer.text
        assert int(answer.headers["retry-after"]) > 0
    assert isinstance(answers["export"], httpx.HTTPError) or answers["export"].status_code in (
        200,
        503,
    )
    assert "Traceback" not in (tmp_path / "log").read_text()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker is left over"
        time.sleep(0.05)
    platform = open_platform(Settings.from_env(home))
    while load(platform, 1, timeout_s=60).is_more:
        pass
    found = run_query(platform, 1, "SELECT uuid FROM events WHERE event = 'kept' LIMIT 50000").rows
    assert set(kept) <= {str(row[0]) for row in found} and len(found) == len(
        {row[0] for row in found}
    )
    platform.lakes.close()
    platform.store.close()
