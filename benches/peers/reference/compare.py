#!/usr/bin/env python3
"""Compares the answers of a peer with the reference, every value of every row, and fails at the first difference.

The idea: rows are compared at their places, so an answer that is missing, repeated or out of order is a difference as
well. A peer that may reorder (none of them does today) has to be given with --any-order, which still wants each id
once. A row is a line of text: either the id and 24 numbers, or a decision of Tollgate as JSON.

usage: compare.py NAME EXPECTED ANSWERS [--any-order]
"""
import json
import sys

from reference import VALUES


def read(line: str) -> list[str]:
    """The id and the 24 values of a row, as texts."""
    if not line.startswith("{"):
        return line.split()
    decision = json.loads(line)
    if decision["flags"]:
        sys.exit(f"a decision with flags: {line}")
    return [decision["event_id"], *(str(decision["values"][name]) for name in VALUES)]


def main() -> None:
    name, expected, answers = sys.argv[1:4]
    with open(expected, encoding="ascii") as left, open(answers, encoding="utf-8") as right:
        wanted, given = [line.split() for line in left], [read(line) for line in right]
    if "--any-order" in sys.argv:
        given.sort()
        wanted.sort()
    values = 0
    for number, (want, got) in enumerate(zip(wanted, given), 1):
        if len(want) != 1 + len(VALUES):
            sys.exit(f"{name}: row {number} of the reference has {len(want)} texts")
        if want[0] != got[0]:
            sys.exit(f"{name}: row {number} answers {got[0]}, expected {want[0]}")
        if len(got) != len(want):
            sys.exit(f"{name}: row {number} has {len(got) - 1} values")
        for what, a, b in zip(VALUES, want[1:], got[1:]):
            if a != b:
                sys.exit(f"{name}: row {number}, {want[0]}: {what} is {b}, expected {a}")
            values += 1
    if len(wanted) != len(given) or not wanted:
        sys.exit(f"{name}: {len(given)} rows, expected {len(wanted)}")
    print(f"{name}: {len(given)} rows, {values} values compared, all equal")


main()
