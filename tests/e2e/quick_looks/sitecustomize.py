"""Put on the path of Dagster's processes by a test: sensors look every second instead of once or twice a minute, and the
daemon asks which of them are due as often instead of every five seconds.
"""

import sys

if "grpc" in sys.orig_argv:
    from pwh_assets.orchestration import following, mending

    following.EVERY_S = mending.EVERY_S = 1
elif "dagster._daemon" in sys.orig_argv:
    from dagster._daemon import sensor

    sensor.MIN_INTERVAL_LOOP_TIME = 1
