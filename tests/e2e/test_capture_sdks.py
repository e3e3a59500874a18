"""The official SDKs, unchanged, against our host."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from pwh_assets.platform import open_platform
from pwh_assets.services.capture.loading import load
from pwh_assets.services.hogql.query import run_query
from pwh_assets.settings import Settings
from tests.e2e.api_server import Served

BUILD = Path(__file__).parents[2] / "build"

PYTHON = """
import sys
from datetime import datetime, timedelta, timezone
from posthog import Posthog

url, key, packed = sys.argv[1:]
failed = []
client = Posthog(key, host=url, gzip=packed == "gzip", on_error=lambda e, b: failed.append(repr(e)))
client.capture("viewed", distinct_id="anon", properties={"n": 1, "day": datetime(2026, 5, 1)})
client.set(distinct_id="user", properties={"plan": "pro"})
client.set_once(distinct_id="user", properties={"first": 1})
client.set_once(distinct_id="user", properties={"first": 2})
client.alias("anon", "user")
client.group_identify("company", "acme", {"size": 3}, distinct_id="user")
client.capture("bought", distinct_id="user", groups={"company": "acme"},
               timestamp=datetime.now(timezone.utc) - timedelta(hours=1))
for n in range(250):
    client.capture("many", distinct_id=f"u{n % 7}", properties={"n": n})
assert client.feature_enabled("beta", "user") in (False, None)
assert client.get_all_flags("user") in ({}, None)
client.shutdown()
assert not failed, failed
"""

NODE = """
const { PostHog } = require("posthog-node");
(async () => {
  const [url, key, packed] = process.argv.slice(2);
  const client = new PostHog(key, { host: url, flushAt: 50, disableCompression: packed !== "gzip" });
  const failed = [];
  client.on("error", (error) => failed.push(String(error)));
  client.capture({ distinctId: "anon", event: "viewed", properties: { n: 1, day: "2026-05-01" } });
  client.identify({ distinctId: "user", properties: { $set: { plan: "pro" }, $set_once: { first: 1 } } });
  client.identify({ distinctId: "user", properties: { $set_once: { first: 2 } } });
  client.alias({ distinctId: "user", alias: "anon" });
  client.groupIdentify({ groupType: "company", groupKey: "acme", properties: { size: 3 }, distinctId: "user" });
  client.capture({ distinctId: "user", event: "bought", groups: { company: "acme" },
                   timestamp: new Date(Date.now() - 3600e3) });
  for (let n = 0; n < 250; n++) client.capture({ distinctId: `u${n % 7}`, event: "many", properties: { n } });
  const on = await client.isFeatureEnabled("beta", "user");
  if (on) throw new Error("a flag is on");
  await client.shutdown();
  if (failed.length) throw new Error(failed.join());
})().catch((error) => { console.error(error); process.exit(1); });
"""


def command_of(sdk, folder):
    if sdk == "python":
        interpreter = BUILD / "posthog-python/bin/python"
        if not interpreter.exists():
            pytest.skip("needs `make build/posthog-python`")
        script = folder / "send.py"
        script.write_text(PYTHON)
        return [str(interpreter), str(script)]
    if not (BUILD / "posthog-node/node_modules/posthog-node").exists():
        pytest.skip("needs `make build/posthog-node`")
    script = folder / "send.js"
    script.write_text(NODE)
    return ["node", str(script)]


@pytest.mark.parametrize("packed", ["gzip", "plain"])
@pytest.mark.parametrize("sdk", ["python", "node"])
def test_an_official_sdk_finds_in_hogql_what_it_sent(sdk, packed, tmp_path):
    command = command_of(sdk, tmp_path)
    platform = open_platform(Settings.from_env({"PWH_HOME": str(tmp_path / "home")}))
    env = {**os.environ, "NODE_PATH": str(BUILD / "posthog-node/node_modules"), "NO_PROXY": "*"}
    with Served(platform) as served:
        sent = subprocess.run(
            [*command, served.url, served.capture_key, packed],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert sent.returncode == 0, sent.stderr

    def rows(sql):
        return [tuple(row) for row in run_query(platform, 1, sql).rows]

    while load(platform, 1, timeout_s=60).is_more:
        pass
    assert rows(
        "select count(), uniq(uuid), uniq(person_id), sum(toInt(properties.n)) from events where event = 'many'"
    ) == [(250, 250, 7, sum(range(250)))]
    ours = rows(
        "select distinct_id, event, $group_0, toInt(dateDiff('minute', timestamp, created_at) / 60) from events "
        "where event in ('viewed', 'bought') order by event desc"
    )
    assert ours == [("anon", "viewed", None, 0), ("user", "bought", "acme", 1)]
    person = rows(
        "select distinct person.properties.plan, person.properties.first, person_id from events "
        "where distinct_id in ('anon', 'user')"
    )
    assert len(person) == 1 and person[0][:2] == ("pro", "1"), person
    assert rows(
        "select count() from person_distinct_ids where distinct_id in ('anon', 'user')"
    ) == [(2,)]
    group = run_query(platform, 1, "select properties from groups where key = 'acme'").rows[0][0]
    assert (json.loads(group) if isinstance(group, str) else group)["size"] == 3
    platform.lakes.close()
    platform.store.close()
