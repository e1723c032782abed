#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Run every test in parallel and count.

A test is a program built as tests/**/test_* (cmocka) or a script
tests/**/t_*.py. Each prints TAP lines (`ok ...`, `not ok ...`); one that dies,
times out or prints no TAP line counts as failed. Each gets an empty folder of
its own in TEST_DIR, removed when it passes. The last line is
`N passed, N failed[, N skipped]`.

usage: tests/run.py [--build DIR] [--jobs N] [--timeout S] [PATTERN ...]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description="run the tests")
    parser.add_argument("--build", default=str(SOURCE / "build"))
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("patterns", nargs="*")
    return parser.parse_args()


def find(build, patterns):
    programs = [path for path in sorted(build.glob("tests/**/test_*"))
                if path.is_file() and os.access(path, os.X_OK)
                and not path.suffix and ".libs" not in path.parts]
    scripts = sorted((SOURCE / "tests").glob("**/t_*.py"))
    # The slow ones first, so that the last core does not idle.
    every = sorted(scripts, key=lambda p: "e2e" not in p.parts) + programs
    return [path for path in every
            if not patterns or any(text in str(path) for text in patterns)]


def stop(process):
    """End a test and what it started: it has a session of its own."""
    for signal in (15, 9):
        try:
            os.killpg(process.pid, signal)
        except ProcessLookupError:
            return
        time.sleep(1)


def run(path, build, timeout):
    folder = tempfile.mkdtemp(prefix="bastide-test-")
    environment = dict(os.environ, TEST_DIR=folder, BUILD_DIR=str(build),
                       SOURCE_DIR=str(SOURCE), CMOCKA_MESSAGE_OUTPUT="TAP",
                       PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8",
                       ASAN_OPTIONS="detect_leaks=1:abort_on_error=0",
                       UBSAN_OPTIONS="print_stacktrace=1")
    command = [sys.executable, str(path)] if path.suffix else [str(path)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, cwd=folder,
                               env=environment, start_new_session=True)
    try:
        output = process.communicate(timeout=timeout)[0]
        status = process.returncode
    except subprocess.TimeoutExpired:
        stop(process)
        output, status = process.communicate()[0], "time-out"
    text = output.decode("utf-8", "replace")
    good = len(re.findall(r"^ok\b(?!.*# SKIP)", text, re.M))
    skipped = len(re.findall(r"^ok\b.*# SKIP", text, re.M))
    bad = len(re.findall(r"^not ok\b", text, re.M))
    if bad == 0 and (status != 0 or good + skipped == 0):
        bad = 1
    if not bad:
        shutil.rmtree(folder, ignore_errors=True)
    return dict(path=path, good=good, bad=bad, skipped=skipped, text=text,
                status=status, seconds=time.monotonic() - started,
                folder=folder)


def name_of(path, build):
    for base in (build, SOURCE):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)


def main():
    options = arguments()
    build = pathlib.Path(options.build).resolve()
    todo = find(build, options.patterns)
    totals = dict(good=0, bad=0, skipped=0)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(run, path, build, options.timeout)
                for path in todo]
        for job in concurrent.futures.as_completed(jobs):
            done = job.result()
            for key in totals:
                totals[key] += done[key]
            word = "FAIL" if done["bad"] else "ok"
            print(f"{word:4} {name_of(done['path'], build)}: "
                  f"{done['good']} passed, {done['bad']} failed "
                  f"({done['seconds']:.1f} s)", flush=True)
            if done["bad"]:
                print(f"--- status {done['status']}, "
                      f"left in {done['folder']}")
                print("\n".join(done["text"].splitlines()[-60:]))
                print("---", flush=True)
            for line in re.findall(r"^ok\b.*# SKIP.*", done["text"], re.M):
                print("     skipped:", line)
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['good']} passed, {totals['bad']} failed{skipped}")
    return 1 if totals["bad"] or not totals["good"] else 0


if __name__ == "__main__":
    sys.exit(main())
