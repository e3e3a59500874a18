"""Put on the path of a code server by a test: its sensors look every second instead of twice a minute."""

import sys

if "grpc" in sys.orig_argv:
    from pwh_assets.orchestration import following, mending

    following.EVERY_S = mending.EVERY_S = 1
