"""`python -m tests.e2e.incremental_crashes HOME SEED`: changes tables and builds a view in parts until it is killed."""

import sys

from tests.e2e.incremental_lab import Lab

TEXT = (
    "SELECT toDate(f.ts) AS day, count() AS n, sum(f.amount) AS s, uniq(u.plan) AS plans FROM facts f "
    "LEFT JOIN users u ON u.id = f.user_id GROUP BY day"
)


def main(home, seed):
    lab = Lab(home, int(seed))
    lab.add("daily", "day", TEXT)
    while True:
        plan = lab.build("daily")
        print(plan.mode.value, flush=True)
        for _ in range(2):
            lab.random.choice([lab.do_insert, lab.do_delete, lab.do_update, lab.do_users])()


if __name__ == "__main__":
    main(*sys.argv[1:])
