"""`python -m pwh_assets.services.models parse`: does the dbt project parse as it is shipped?"""

import sys

from pwh_assets.errors import PwhError
from pwh_assets.services.models import generate, parse
from pwh_assets.settings import Settings


def main(arguments: list[str]) -> int:
    if arguments != ["parse"]:
        print("Usage: python -m pwh_assets.services.models parse", file=sys.stderr)
        return 2
    try:
        parse(generate(Settings.from_env(), 1, ()))
    except PwhError as error:
        print(error, file=sys.stderr)
        return 1
    print("The dbt project parses.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
