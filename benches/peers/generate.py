#!/usr/bin/env python3
"""Makes the input of every peer and of Tollgate: NDJSON, one swipe to a line.

The idea: times go up in equal steps, chosen so that an hour holds LIVE events of each key; keys are uniform. With equal
steps many pairs of events lie exactly one window apart, which is where (t - w, t] differs from [t - w, t].
The invariant: the same arguments give the same bytes. A shorter input is the head of a longer one.

usage: generate.py EVENTS KEYS SEED OUT      (KEYS per kind; the seed and the step are printed)
"""
import random
import sys

LIVE = 18
HOUR_US = 3_600_000_000
BASE_MS = 1_767_225_600_000  # 2026-01-01


def main() -> None:
    events, keys, seed, out = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    step_us = HOUR_US // (LIVE * keys)
    print(f"generate: {events} events, {keys} keys per kind, seed {seed}, one event per {step_us} us", file=sys.stderr)
    draw = random.Random(seed).getrandbits
    with open(out, "w", encoding="ascii", newline="\n", buffering=1 << 20) as file:
        write = file.write
        for number in range(events):
            # 32 bits times keys, shifted: uniform to 1 in 2^32 / keys, and several times faster than randrange.
            card, merchant, device, ip = (draw(32) * keys >> 32 for _ in range(4))
            write(
                f'{{"id":"s{number:011d}","ts":{BASE_MS + number * step_us // 1000},"card":"c{card:011x}",'
                f'"merchant":"m{merchant:08d}","device":"d-{device:010x}",'
                f'"ip":"10.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}","amount":{1 + (draw(32) * 50_000 >> 32)}}}\n'
            )


main()
