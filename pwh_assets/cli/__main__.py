"""`python -m pwh_assets.cli`, where the `pwh` script is not on the path."""

import sys

from pwh_assets.cli import main

sys.exit(main())
