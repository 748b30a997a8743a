# SPDX-License-Identifier: MIT
"""Compares libcoro with asyncio over random programs; README.md says how.

    oracle.py --interpreter PROGRAM [--programs N] [--seed N]     random programs
    oracle.py --interpreter PROGRAM FILE                          those of a file, with both traces
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True

import generate
import reference
from program import parse
from shrink import copy, shrink

BATCH = 500
SHOWN = 3  # differences; then the run ends
TIMEOUT = float(os.environ.get("ORACLE_TIMEOUT", 100))  # seconds for a batch

# asyncio gives the message of a cancel to the first who asks and forgets it; libcoro keeps it. So
# where asyncio has none, libcoro's may be any.
MESSAGE = re.compile(r"cancelled( m\d+)?")


# Whether a failure would be reported as never retrieved ("unread") may differ: libcoro reports that
# of a task whose shield() was cancelled at once, as asyncio does from 3.14 on; and wait() for the
# first failure looks at failures in asyncio even when it is over ("perhaps").
END = re.compile(r"(t\d+ done)( unread| shielded| perhaps)?")


def alike(line, other):
    if line == other:
        return True
    if (other.endswith(" shielded") or line.endswith(" perhaps")) and END.fullmatch(line):
        return END.sub(r"\1", line) == END.sub(r"\1", other)
    messages = zip(MESSAGE.findall(line), MESSAGE.findall(other))
    same = all(message in ("", others) for message, others in messages)
    return same and MESSAGE.sub("", line) == MESSAGE.sub("", other)


def agree(trace, other):
    return len(trace) == len(other) and all(map(alike, trace, other))


class Interpreter:
    """libcoro's side."""

    def __init__(self, path):
        self.command = [*shlex.split(os.environ.get("TEST_WRAPPER", "")), path]

    def start(self, programs):
        """The exit status and the traces, as [(number, lines)], of one process."""
        with tempfile.TemporaryFile("w+") as source, tempfile.TemporaryFile("w+") as output:
            source.writelines(program.text() for program in programs)
            source.seek(0)
            try:
                status = subprocess.run(
                    self.command, stdin=source, stdout=output, timeout=TIMEOUT
                ).returncode
            except subprocess.TimeoutExpired:
                status = f"stopped after {TIMEOUT:g} s"
            output.seek(0)
            traces = []
            for line in output.read().splitlines():
                if line.startswith("program "):
                    traces.append([])
                else:
                    traces[-1].append(line)
        return status, traces

    def run(self, programs):
        """The trace of each program. Where the process dies it is started again behind the program
        that it died of."""
        traces = []
        while len(traces) < len(programs):
            status, found = self.start(programs[len(traces) :])
            if status != 0 and not found:
                sys.exit(f"oracle: {shlex.join(self.command)} does not run: {status}")
            if status != 0:
                found[-1].append(f"the interpreter ended: {status}")
            elif len(found) + len(traces) != len(programs):
                sys.exit("oracle: the interpreter left programs out")
            traces.extend(found)
        return traces


class Oracle:
    def __init__(self, interpreter):
        self.interpreter = interpreter
        self.pool = ThreadPoolExecutor(1)
        self.left_out = 0

    def traces(self, programs):
        """(asyncio's trace or None, libcoro's) of each program; both sides run at the same time."""
        theirs = self.pool.submit(self.interpreter.run, programs)
        ours = [reference.run_program(program) for program in programs]
        return list(zip(ours, theirs.result()))

    def differing(self, programs):
        return [not (ours is None or agree(ours, theirs)) for ours, theirs in self.traces(programs)]

    def compare(self, programs):
        """The programs that differ."""
        found = []
        for program, (ours, theirs) in zip(programs, self.traces(programs)):
            if ours is None:
                self.left_out += 1
            elif not agree(ours, theirs):
                found.append(program)
        return found

    def show(self, program, indent="# "):
        """The program, and both traces beside each other."""
        ours, theirs = self.traces([program])[0]
        for line in program.text().splitlines():
            print(f"{indent}{line}")
        print(f"{indent}  {'--- asyncio ---':<56} --- libcoro ---")
        ours = ["left out: a cancel on three paths"] if ours is None else ours
        length = max(len(ours), len(theirs))
        for left, right in zip(pad(ours, length), pad(theirs, length)):
            print(f"{indent}{' ' if alike(left, right) else '!'} {left:<56} {right}")


def pad(lines, length):
    return lines + [""] * (length - len(lines))


def random_programs(oracle, count, seed):
    """Compares so many programs from a number on; whether all agree."""
    features = generate.Features(sys.version_info)
    began = time.monotonic()
    differing = []
    done = 0
    while done < count and len(differing) < SHOWN:
        numbers = range(seed + done, seed + min(done + BATCH, count))
        differing += oracle.compare([generate.generate(number, features) for number in numbers])
        done += len(numbers)
    for program in differing[:SHOWN]:
        print(f"not ok - program {program.number} runs otherwise than on asyncio")
        small = shrink(copy(program), oracle.differing)
        print(f"# shrunk from {program.size()} lines to {small.size()};", end=" ")
        print(f"in full: generate.py {program.number}")
        oracle.show(small)
    if not differing:
        print(f"ok - {done} programs from number {seed} on run as on asyncio")
    version = ".".join(map(str, sys.version_info[:3]))
    took = time.monotonic() - began
    print(f"# Python {version}; {took:.1f} s; {oracle.left_out} programs left out")
    return not differing


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--interpreter", required=True)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file", nargs="?")
    options = parser.parse_args()
    reference.quiet()
    oracle = Oracle(Interpreter(options.interpreter))
    if not options.file:
        return 0 if random_programs(oracle, options.programs, options.seed) else 1
    with open(options.file) as file:
        programs = list(parse(file))
    for program in programs:
        oracle.show(program, "")
    return 1 if any(oracle.differing(programs)) else 0


if __name__ == "__main__":
    sys.exit(main())
