"""`pwh action`: events under a name, for `matchesAction('name')`."""

import argparse
from typing import TYPE_CHECKING, Any

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import print_json, say, table
from pwh_assets.cli.inputs import read_json
from pwh_assets.errors import InvalidInputError

if TYPE_CHECKING:
    from pwh_assets.core.language import Action


def register(groups: Groups) -> None:
    nouns = group(groups, "action", "events under a name")
    create = command(nouns, "create", "make an action, or give it other steps", _create)
    create.add_argument("name", metavar="NAME")
    create.add_argument("file", metavar="FILE", nargs="?", help="JSON list of steps, or -")
    create.add_argument("--event", metavar="EVENT", help="a step of this event")
    create.add_argument("--url", metavar="TEXT", help="… whose URL holds this")
    create.add_argument("--selector", metavar="CSS", help="… on an element like this")
    create.add_argument("--text", metavar="TEXT", help="… on an element that says this")
    create.add_argument("--description", default="", metavar="TEXT")
    command(nouns, "list", "all actions, with their conditions", _list)
    remove = command(nouns, "remove", "remove an action", _remove)
    remove.add_argument("name", metavar="ACTION")


def _create(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.actions import save_action

    words = {key: getattr(args, key) for key in ("event", "url", "selector", "text")}
    step = {key: value for key, value in words.items() if value is not None}
    steps = read_json(args.file) if args.file else []
    if not isinstance(steps, list):
        steps = [steps]
    if step:
        steps = [*steps, step]
    if not steps:
        raise InvalidInputError(
            "steps", "An action needs a step: `--event NAME`, or a FILE with a JSON list of steps."
        )
    action = save_action(open_project(args), args.project, args.name, steps, args.description)
    if args.json:
        print_json(_facts(action))
    else:
        say(f"Action `{action.name}` ({action.id}) is kept.")
    return 0


def _list(args: argparse.Namespace) -> int:
    actions = open_project(args).store.actions(args.project)
    if args.json:
        print_json({"results": [_facts(one) for one in actions], "count": len(actions)})
    elif not actions:
        say("There is no action. `pwh action create NAME --event EVENT` makes one.")
    else:
        rows = [(one.id, one.name, _facts(one)["hogql"]) for one in actions]
        say(table(("id", "action", "condition"), rows, width=100))
    return 0


def _remove(args: argparse.Namespace) -> int:
    from pwh_assets.services.product.actions import remove_action

    action = remove_action(open_project(args), args.project, args.name)
    if args.json:
        print_json(_facts(action))
    else:
        say(f"Removed `{action.name}`.")
    return 0


def _facts(action: "Action") -> dict[str, Any]:
    from pwh_assets.services.product.actions import action_text
    from pwh_assets.store.language import step_to_json

    return {
        "id": action.id,
        "name": action.name,
        "description": action.description,
        "steps": [step_to_json(step) for step in action.steps],
        "hogql": action_text(action),
    }
