"""`pwh alert`: who is told when something breaks and when it heals, and what is on its way to them."""

import argparse
from typing import Any

from pwh_assets.cli.arguments import Groups, command, group, number, open_project
from pwh_assets.cli.console import count, note, print_json, say, table
from pwh_assets.cli.inputs import read_json
from pwh_assets.core.alert import DeliveryStatus
from pwh_assets.errors import InvalidInputError

_STATUSES = tuple(status.value for status in DeliveryStatus)


def register(groups: Groups) -> None:
    alert = group(groups, "alert", "who is told of health issues, and what is on its way to them")
    add = command(alert, "add", "a webhook, a mailbox or a Slack-compatible address", _add)
    add.add_argument("file", metavar="FILE", help="JSON; `-` for standard input")
    command(alert, "list", "channels, and whether alerts reach them", _list)
    test = command(alert, "test", "send a test now; status 1 when it does not arrive", _test)
    test.add_argument("name", metavar="CHANNEL")
    remove = command(alert, "remove", "tell it nothing any more, and forget its address", _remove)
    remove.add_argument("name", metavar="CHANNEL")
    deliveries = command(alert, "deliveries", "what was told, waits or is dead", _deliveries)
    deliveries.add_argument("--channel", metavar="CHANNEL", help="of one channel")
    deliveries.add_argument("--status", choices=_STATUSES, help="in one state")
    deliveries.add_argument(
        "--limit", type=number("limit", 1, 10_000), default=50, metavar="N", help="newest first"
    )
    retry = command(alert, "retry", "send what is dead or waits at once", _retry)
    retry.add_argument("id", metavar="DELIVERY", nargs="?", help="one; else all")
    command(alert, "run", "look at health and send what is due, where no `pwh up` does", _run)


def _add(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import add_channel, channel_facts

    body = read_json(args.file)
    if not isinstance(body, dict):
        raise InvalidInputError("file", "The channel is not an object with `name` and `kind`.")
    added = add_channel(open_project(args), args.project, body)
    facts = channel_facts(added.channel)
    if added.secret:
        facts["secret"] = added.secret
    if args.json:
        print_json(facts)
        return 0
    say(added.channel.id)
    if added.secret:
        note(f"Deliveries are signed with `{added.secret}`. It is shown this once; keep it.")
    note(f"Try it with `pwh alert test {added.channel.name}`.")
    return 0


def _list(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import channel_facts

    channels = open_project(args).store.channels(args.project)
    facts = [channel_facts(channel) for channel in channels]
    if args.json:
        print_json({"results": facts, "count": len(facts)})
    elif not facts:
        say("Nobody is told of anything. `pwh alert add FILE` adds a channel.")
    else:
        rows = [
            (
                one["name"],
                one["kind"],
                one.get("address") or f"{', '.join(one['to'])} by {one['host']}:{one['port']}",
                _filters(one["filters"]),
                _state(one),
            )
            for one in facts
        ]
        say(table(("name", "kind", "address", "told of", "state"), rows, width=80))
    return 0


def _filters(filters: dict[str, Any]) -> str:
    words = [f"{'warnings and ' if filters['min_severity'] == 'warn' else ''}errors"]
    for name in ("kinds", "sources", "names"):
        if filters.get(name):
            words.append(f"{name}: {', '.join(filters[name])}")
    return "; ".join(words)


def _state(channel: dict[str, Any]) -> str:
    if not channel["failures"]:
        return "works"
    return f"{count(channel['failures'], 'failure')} since {channel['failing_since']:%Y-%m-%d %H:%M} UTC"


def _test(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import send_test

    done = send_test(open_project(args), args.project, args.name)
    arrived = done.status is DeliveryStatus.DELIVERED
    if args.json:
        print_json(done)
    elif arrived:
        say(f"It arrived over `{done.channel}`. {done.latest_error or ''}".strip())
    else:
        say(f"It did not arrive over `{done.channel}`. {done.latest_error}")
    return 0 if arrived else 1


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import channel_facts, remove_channel

    removed = remove_channel(open_project(args), args.project, args.name)
    if args.json:
        print_json(channel_facts(removed))
    else:
        say(f"`{removed.name}` is told nothing any more, and its address is forgotten.")
    return 0


def _deliveries(args: argparse.Namespace) -> int:
    store = open_project(args).store
    channel_id = store.channel(args.project, args.channel).id if args.channel else None
    status = DeliveryStatus(args.status) if args.status else None
    found = store.deliveries(args.project, args.limit, channel_id=channel_id, status=status)
    if args.json:
        print_json({"results": found, "count": len(found)})
    elif not found:
        say("Nothing was told, and nothing waits.")
    else:
        rows = [
            (
                one.id,
                f"{one.created_at:%Y-%m-%d %H:%M}",
                one.channel,
                one.event.value,
                one.alert.get("issue", {}).get("name", ""),
                one.status.value,
                one.attempts,
                one.latest_error or "",
            )
            for one in found
        ]
        headers = ("id", "at (UTC)", "channel", "event", "name", "state", "attempts", "error")
        say(table(headers, rows, width=80))
    return 0


def _retry(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import deliver, retry

    platform = open_project(args)
    waiting = retry(platform, args.project, args.id)
    return _done(args, deliver(platform), waiting)


def _run(args: argparse.Namespace) -> int:
    from pwh_assets.services.alerts import deliver
    from pwh_assets.services.health import evaluate

    platform = open_project(args)
    platform.store.abandon_jobs(args.project)
    evaluate(platform, args.project)
    return _done(args, deliver(platform), None)


def _done(args: argparse.Namespace, done: Any, waiting: int | None) -> int:
    if args.json:
        print_json(done)
    elif waiting == 0:
        say("Nothing is dead or waits.")
    else:
        say(f"{count(done.delivered, 'alert')} sent, {done.failed:,} failed.")
    return 1 if done.failed else 0
