"""Having Dagster start runs, against a webserver that plays what a real one does while it takes changes in."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from pwh_assets.orchestration import launch, reload
from pwh_assets.orchestration.webserver import note_webserver
from pwh_assets.settings import Settings

UNKNOWN = {"__typename": "PythonError", "message": 'No remote job named "sync_x" found'}
LOADING = {"__typename": "PythonError", "message": "…", "className": "DagsterCodeLocationLoadError"}
BROKEN = {"__typename": "PythonError", "message": "disk full", "className": "OSError"}
STARTED = {"__typename": "LaunchRunSuccess", "run": {"runId": "run-1"}}


class Webserver:
    """`answers` are given to launches in turn, "cut" breaks the connection after the run was noted."""

    def __init__(self, settings):
        self.answers, self.reloads, self.marks = [], 0, []
        self.may_reload = threading.Event()
        self.may_reload.set()
        playing = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, data = playing.answer(asked)
                if data is None:
                    self.close_connection = True
                    return
                body = json.dumps({"data": data}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        settings.dagster_home.mkdir(parents=True)
        note_webserver(settings, self.server.server_port)

    def answer(self, asked):
        if "reloadRepositoryLocation" in asked["query"]:
            self.reloads += 1
            self.may_reload.wait(30)
            location = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {}}
            return 200, {"reloadRepositoryLocation": location}
        if "runsOrError" in asked["query"]:
            (tag,) = asked["variables"]["tags"]
            runs = [{"runId": "run-2"}] if tag["value"] in self.marks else []
            return 200, {"runsOrError": {"results": runs}}
        found = self.answers.pop(0)
        if found == "cut":
            tags = asked["variables"]["params"]["executionMetadata"]["tags"]
            self.marks += [tag["value"] for tag in tags if tag["key"] == launch._MARK_TAG]
            return 200, None
        return 500 if found["__typename"] == "PythonError" else 200, {"launchRun": found}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"PWH_HOME": str(tmp_path)})


@pytest.fixture
def webserver(settings):
    found = Webserver(settings)
    yield found
    found.close()


def start(settings):
    platform = SimpleNamespace(settings=settings)
    graph = SimpleNamespace(nodes={"x_table": SimpleNamespace(asset_key=("x", "table"))})
    return launch._launch(platform, graph, "sync_x", ["x_table"])


def test_a_run_waits_until_dagster_has_taken_the_change_in(settings, webserver):
    webserver.answers = [UNKNOWN, LOADING, STARTED]
    assert start(settings) == "run-1" and webserver.reloads == 2


def test_what_fails_for_another_reason_is_told_at_once(settings, webserver):
    webserver.answers = [BROKEN]
    with pytest.raises(launch.LaunchRefusedError, match="disk full"):
        start(settings)
    assert webserver.reloads == 0


def test_a_launch_whose_answer_was_lost_is_not_made_twice(settings, webserver):
    webserver.answers = ["cut"]
    assert start(settings) == "run-2" and webserver.answers == []


def test_many_who_ask_at_once_share_one_reload_that_has_what_they_changed(
    settings, webserver, monkeypatch
):
    looks = []

    def look():
        looks.append(time.monotonic())
        return looks[-1]

    monkeypatch.setattr(reload, "time", SimpleNamespace(monotonic=look))
    webserver.may_reload.clear()
    done = []
    askers = [
        threading.Thread(target=lambda: done.append(reload.reload_location(settings)))
        for _ in range(8)
    ]
    askers[0].start()
    while not webserver.reloads:
        time.sleep(0.01)
    for each in askers[1:]:
        each.start()
    while len(looks) < len(askers) + 1:  # all have asked, and one of them is being served
        time.sleep(0.01)
    webserver.may_reload.set()
    for each in askers:
        each.join(30)
    assert done == [True] * 8 and webserver.reloads == 2
