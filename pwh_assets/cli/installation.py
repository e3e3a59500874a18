"""`pwh verify`, `pwh doctor`, `pwh secrets` and `pwh demo`: looking after a home."""

import argparse
from pathlib import Path

from pwh_assets.cli.arguments import Groups, command, group, open_project
from pwh_assets.cli.console import count, note, print_json, say


def register(groups: Groups) -> None:
    command(groups, "verify", "check lake and store integrity; status 1 with problems", _verify)
    command(groups, "doctor", "check the installation; status 1 when something is missing", _doctor)
    secrets = group(groups, "secrets", "encryption of credentials")
    rotate = command(secrets, "rotate", "encrypt every credential with a new key", _rotate)
    rotate.add_argument(
        "--keep-key",
        action="store_true",
        help="encrypt anew with the newest key there is, adding none",
    )
    demo = command(groups, "demo", "the guided tour, on an own home", _demo, facts=False)
    demo.add_argument("--exit", action="store_true", help="stop after the answers")


def _verify(args: argparse.Namespace) -> int:
    from pwh_assets.services.verify import verify

    report = verify(open_project(args), args.project)
    if args.json:
        print_json({"problems": report.problems, "tables": report.tables, "rows": report.rows})
    else:
        for problem in report.problems:
            say(f"✗ {problem}")
        checked = f"{count(report.tables, 'table')} with {count(report.rows, 'row')} checked"
        say(
            f"{checked}: {count(len(report.problems), 'problem')}."
            if report.problems
            else f"{checked}: all is whole."
        )
    return 1 if report.problems else 0


def _doctor(args: argparse.Namespace) -> int:
    from pwh_assets.services.doctor import doctor
    from pwh_assets.settings import Settings

    findings = doctor(Settings.from_env())
    if args.json:
        print_json({"results": findings, "ok": all(f.is_ok for f in findings)})
    else:
        for finding in findings:
            say(f"{'✓' if finding.is_ok else '✗'} {finding.name}: {finding.detail}")
            if finding.way_out and not finding.is_ok:
                say(f"    {finding.way_out}")
    return 0 if all(f.is_ok for f in findings) else 1


def _rotate(args: argparse.Namespace) -> int:
    from pwh_assets.services.secrets import rotate_secrets

    key_id, number = rotate_secrets(open_project(args), add_key=not args.keep_key)
    if args.json:
        print_json({"key_id": key_id, "credentials": number})
    else:
        say(f"Encrypted {count(number, 'credential')} with key `{key_id}`.")
        note("Older keys stay in the key file: backups of the store need them.")
    return 0


def _demo(args: argparse.Namespace) -> int:
    import os

    from pwh_assets.demo.tour import main

    home = os.environ.get("PWH_HOME")
    return main(args.exit, Path(home) if home else None)
