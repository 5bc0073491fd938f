#!/usr/bin/env python3
"""The answers by brute force: every earlier event of the key is looked at again, nothing is kept but the events.

The idea: as unlike the programs it judges as can be, so that it cannot share their mistakes. The invariant: a window
is (t - w, t], the current event counts, an event further on in the input does not, whatever its time.
It also says how often an event lay exactly on the open end of a window: without such events the ends go untested.

usage: reference.py INPUT OUT                (a line per event: its id, then 24 numbers, see VALUES)
"""
import json
import sys

KEYS = ("card", "merchant", "device", "ip")
WINDOWS_MS = (60_000, 600_000, 3_600_000)
# The order of values everywhere here: for each key, for each window, the count and then the sum.
VALUES = [f"{key}_{what}_{name}" for key in KEYS for name in ("1m", "10m", "1h") for what in ("count", "sum")]


def main() -> None:
    seen = {key: {} for key in KEYS}
    events = edges = 0
    with open(sys.argv[1], encoding="utf-8") as source, open(sys.argv[2], "w", encoding="ascii") as out:
        for line in source:
            swipe = json.loads(line)
            now, row = swipe["ts"], [swipe["id"]]
            for key in KEYS:
                past = seen[key].setdefault(swipe[key], [])
                past.append((now, swipe["amount"]))
                for window in WINDOWS_MS:
                    inside = [amount for time, amount in past if now - window < time <= now]
                    edges += sum(time == now - window for time, _ in past)
                    row += [str(len(inside)), str(sum(inside))]
            out.write(" ".join(row) + "\n")
            events += 1
    print(f"reference: {events} events, {edges} times an event lay exactly on the end of a window", file=sys.stderr)
    if not edges:
        sys.exit("reference: no event on the end of a window: this input proves too little")


if __name__ == "__main__":
    main()
