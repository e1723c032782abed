#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Drive the libFuzzer targets, each for a bounded time: small inputs first,
then ones of up to 1 MiB, in which depth and quadratic time show. What crashes,
hangs or takes too much memory is left beside the targets, and the status is 1.

usage: tests/fuzz/run.py [--build DIR] [--seconds N] [NAME ...]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CORPUS = SOURCE / "tests" / "fuzz" / "corpus"
# What long runs found new ways with: named by its SHA-1, not grown further.
GROWN = SOURCE / "tests" / "fuzz" / "grown"
SMALL, LARGE = 4096, 1 << 20
# A session does real work for each of its commands: not more than a second's.
SESSION = 1 << 15
# One input of 1 MiB: seconds under the sanitizers, and memory.
SECONDS, MEGABYTES = 10, 2048


def arguments():
    parser = argparse.ArgumentParser(description="fuzz every parser")
    parser.add_argument("--build", default=str(SOURCE / "build" / "fuzz"))
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def names():
    return sorted(path.stem.removeprefix("fuzz_") for path in
                  (SOURCE / "tests" / "fuzz").glob("fuzz_*.c"))


def largest(name):
    return SESSION if name.endswith("_session") else LARGE


def grow(name, folder):
    """Each seed over and over, and its middle over and over."""
    size = largest(name)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for seed in sorted((CORPUS / name).iterdir()):
        text = seed.read_bytes()
        third = max(1, len(text) // 3)
        head, body, tail = text[:third], text[third:2 * third], \
            text[2 * third:]
        for suffix, large in (
                ("whole", text * (size // max(1, len(text)))),
                ("middle", head + body * ((size - len(text)) //
                                          max(1, len(body))) + tail)):
            (folder / f"{seed.name}-{suffix}").write_bytes(large[:size])


def drive(build, name, seconds, size, corpora):
    """None when it went well, else what it said; and its last line."""
    artifacts = build / f"found-{name}-"
    options = [f"-max_total_time={seconds}", f"-max_len={size}",
               f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
               f"-artifact_prefix={artifacts}", "-print_final_stats=1"]
    environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1",
                       ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=64")
    try:
        done = subprocess.run(
            [build / "tests" / "fuzz" / f"fuzz_{name}", *options, *corpora],
            capture_output=True, env=environment,
            timeout=seconds + 20 * SECONDS)
    except subprocess.TimeoutExpired:
        return f"{name}: did not end", ""
    text = done.stderr.decode("utf-8", "replace")
    runs = re.findall(r"number_of_executed_units: (\d+)", text)
    peak = re.findall(r"peak_rss_mb: +(\d+)", text)
    cover = re.findall(r"cov: (\d+)", text)
    figures = (f"{runs[-1] if runs else '?'} runs, "
               f"{cover[-1] if cover else '?'} edges, "
               f"{peak[-1] if peak else '?'} MB")
    return (text if done.returncode else None), figures


def fuzz(build, name, seconds):
    grown = build / "corpus" / name
    large = build / "large" / name
    grown.mkdir(parents=True, exist_ok=True)
    kept = [folder for folder in (CORPUS / name, GROWN / name)
            if folder.is_dir()]
    grow(name, large)
    lines = []
    for size, share, corpora in ((SMALL, 2, (grown, *kept)),
                                 (largest(name), 1, (large,))):
        bad, figures = drive(build, name, max(1, seconds * share // 3), size,
                             corpora)
        lines.append(figures)
        if bad:
            return name, bad, lines
    return name, None, lines


def main():
    options = arguments()
    build = pathlib.Path(options.build).resolve()
    unknown = set(options.names) - set(names())
    if unknown:
        print("no such target:", *sorted(unknown), file=sys.stderr)
        print("there are:", *names(), file=sys.stderr)
        return 64
    failed = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        jobs = [pool.submit(fuzz, build, name, options.seconds)
                for name in options.names or names()]
        for job in concurrent.futures.as_completed(jobs):
            name, bad, lines = job.result()
            print(f"{'FOUND' if bad else 'ok':5} {name}: small "
                  f"{'; large '.join(lines)}", flush=True)
            if bad:
                failed.append(name)
                print("\n".join(bad.splitlines()[-60:]), flush=True)
    if failed:
        print(f"found something in {', '.join(sorted(failed))}; "
              f"the inputs are {build}/found-*")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
