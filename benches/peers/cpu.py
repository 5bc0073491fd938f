#!/usr/bin/env python3
"""Runs a command and prints the processor seconds of its whole process: user and system, every thread, GC included.

A command that goes on for ever is ended with SIGTERM once another one, which reads its answers, is done. The invariant:
what is printed was counted by the kernel when the process was reaped, so nothing of it is missing; the reader's own
work is not in it. Only processes started here are signalled, by their ids.

usage: cpu.py [--reader 'COMMAND' [--ends]] COMMAND...     (--ends: the command ends by itself, the reader only has to be done)
"""
import os
import shlex
import signal
import subprocess
import sys
import time


def main() -> None:
    args, reader, ends = sys.argv[1:], None, True
    if args[0] == "--reader":
        reader, ends, args = subprocess.Popen(shlex.split(args[1])), args[2] == "--ends", args[2:]
        args = args[1:] if ends else args
    command = subprocess.Popen(args, stdout=sys.stderr)
    status = usage = None
    signalled = False
    while status is None:
        pid, code, used = os.wait4(command.pid, os.WNOHANG)
        if pid:
            status, usage = os.waitstatus_to_exitcode(code), used
            command.returncode = status
        elif reader and reader.poll() is not None and not ends and not signalled:
            command.send_signal(signal.SIGTERM)
            signalled = True
        elif reader and reader.poll():
            command.send_signal(signal.SIGTERM)  # the reader has failed
        time.sleep(0.02)
    fine = status == 0 or (signalled and status in (-signal.SIGTERM, 128 + signal.SIGTERM))
    if reader and not fine:
        reader.terminate()
    if (reader and reader.wait() != 0) or not fine:
        sys.exit(f"cpu: {args[0]} ended with {status}")
    print(f"{usage.ru_utime + usage.ru_stime:.3f}")


main()
