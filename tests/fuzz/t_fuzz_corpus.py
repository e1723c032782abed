#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Each fuzz target takes every file of its corpus, and has one; and what long
runs of the fuzzer added to it. The controls:
a target that dies is noticed, and one without a corpus."""
import os
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(os.environ.get("SOURCE_DIR")
                      or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or SOURCE / "build")
FUZZ = SOURCE / "tests" / "fuzz"
BAD = 0


def report(name, good, detail=""):
    global BAD
    BAD += not good
    print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
    if detail and not good:
        print("# " + detail.replace("\n", "\n# "), flush=True)


def corpus(name, folder=FUZZ / "corpus"):
    place = folder / name
    return sorted(place.iterdir()) if place.is_dir() else []


def run(program, files):
    """(did it take them all, what it said)"""
    if not files:
        return False, "no corpus"
    done = subprocess.run([program, *files], capture_output=True, timeout=120)
    return done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]


NAMES = sorted(path.stem.removeprefix("fuzz_")
               for path in FUZZ.glob("fuzz_*.c"))
for target in NAMES:
    good, said = run(BUILD / "tests" / "fuzz" / f"fuzz_{target}",
                     corpus(target) + corpus(target, FUZZ / "grown"))
    report(f"corpus of {target}", good, said)
report("each corpus has its target", not
       {path.name for path in (FUZZ / "corpus").iterdir()} - set(NAMES))
dying = pathlib.Path(os.environ.get("TEST_DIR", "/tmp")) / "dying"
dying.write_text("#!/bin/sh\nkill -ABRT $$\n")
dying.chmod(0o755)
report("a target that dies is noticed", not run(dying, corpus("xml"))[0])
report("a target without a corpus is noticed",
       not run("/bin/true", corpus("xml", FUZZ / "nowhere"))[0])
sys.exit(1 if BAD else 0)
