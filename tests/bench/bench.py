#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""`./dev bench`: Bastide beside Debian's Dovecot, in one run on one machine.

Dovecot runs plain and with mail_crypt (global keys), mdbox, mail_fsync =
optimized, its default; for durable APPEND also with mail_fsync = always, for
idle connections also with login processes that many share. Every measure goes in rounds, each server in turn, since disks and neighbours are
noisy; the ratio is the median over rounds of one round's ratio, above 1 where
Bastide is better.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

import measures
import servers

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("--quick", action="store_true",
                        help="fewer messages and rounds: under 3 minutes")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        choices=[m.name for m in measures.ALL],
                        help="one measure: " +
                        " ".join(m.name for m in measures.ALL))
    parser.add_argument("--port-base", type=int, default=3000)
    parser.add_argument("--dir", default=str(SOURCE / "build/bench"),
                        help="folder for the servers' data, emptied first; "
                        "its disk is what is measured")
    parser.add_argument("--build", default=str(SOURCE / "build/release"))
    return parser.parse_args()


def progress(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return (done.stdout.splitlines() or ["unknown"])[0]


def machine(folder):
    return {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") *
        os.sysconf("SC_PAGE_SIZE") >> 20,
        "disk": first_line("findmnt", "-no", "SOURCE,FSTYPE", "-T",
                           str(folder)),
        "kernel": platform.release(),
        "openssl": first_line("openssl", "version"),
        "dovecot": first_line("dovecot", "--version"),
        "load_before": round(os.getloadavg()[0], 1),
        "commit": first_line("git", "-C", str(SOURCE), "describe", "--always",
                             "--dirty"),
    }


def start_servers(options, folder, running):
    """Those that run here are put into `running`."""
    base = options.port_base
    bastide = servers.Bastide(folder, options.build, base)
    tls = bastide.folder
    every = [bastide,
             servers.Dovecot(folder, tls, base + 2000, "Dovecot"),
             servers.Dovecot(folder, tls, base + 2010, "Dovecot always",
                             fsync="always"),
             servers.Dovecot(folder, tls, base + 2020, "Dovecot crypt",
                             sealed=True),
             servers.Dovecot(folder, tls, base + 2030, "Dovecot shared",
                             logins="shared")]
    for server in every:
        running.append(server)
        try:
            server.start()
            server.populate()
        except servers.Missing as reason:
            progress(f"{server.name} does not run here: {reason}")
            running.pop().stop()


def run_measure(measure, context, running):
    """{server's name: [a value per round]}"""
    chosen = [s for s in running if s.name in measure.servers]
    values = {s.name: [] for s in chosen}
    rounds = measure.rounds if not context.quick else min(3, measure.rounds)
    for number in range(rounds):
        for server in chosen:
            value = measure.run(context, server, number)
            values[server.name].append(value)
        progress(f"{measure.name} {number + 1}/{rounds}: " + ", ".join(
            f"{name} {v[-1]:.4g}" for name, v in values.items()))
    return values


def summary(measure, context, values):
    """Per server: median, spread and the ratio of Bastide to it."""
    ours = values["Bastide"]
    rows = []
    for name, theirs in values.items():
        row = {"server": name, "values": theirs,
               "median": statistics.median(theirs),
               "low": min(theirs), "high": max(theirs)}
        if name != "Bastide":
            ratios = [b / a if measure.less_is_better else a / b
                      for a, b in zip(ours, theirs)]
            row |= {"ratio": statistics.median(ratios),
                    "ratio_low": min(ratios), "ratio_high": max(ratios)}
        rows.append(row)
    return {"name": measure.name, "title": measure.title.format(
        n=context.messages, large=context.messages * context.copies),
            "unit": measure.unit, "rows": rows}


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def print_table(results):
    print(f"{'measure':34} {'unit':12} {'server':15} {'median':>8} "
          f"{'spread':>15} {'ratio':>7} {'its spread':>13}")
    for result in results:
        title, unit = result["title"], result["unit"]
        for row in result["rows"]:
            spread = f"{number(row['low'])}..{number(row['high'])}"
            line = (f"{title:34} {unit:12} {row['server']:15} "
                    f"{number(row['median']):>8} {spread:>15}")
            if "ratio" in row:
                line += (f" {row['ratio']:7.2f} {row['ratio_low']:6.2f}.."
                         f"{row['ratio_high']:.2f}")
            print(line)
            title = unit = ""


def main():
    options = arguments()
    folder = pathlib.Path(options.dir).resolve()
    if folder.exists() and any(folder.iterdir()) and \
            not (folder / "of-bench").exists():
        sys.exit(f"{folder} holds something that is not the bench's")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "of-bench").touch()
    # Dovecot's processes of users go through it.
    folder.chmod(0o755)
    chosen = [m for m in measures.ALL
              if (m.name in options.only if options.only else not m.named)]
    context = measures.Context(options, folder, progress)
    report = {"machine": machine(folder), "quick": options.quick,
              "results": []}
    if report["machine"]["load_before"] > 0.5:
        progress("others work on this machine: the figures will say so")
    progress("starting the servers")
    running = []
    try:
        start_servers(options, folder, running)
        for measure in chosen:
            measure.prepare(context, running)
            values = run_measure(measure, context, running)
            report["results"].append(summary(measure, context,
                                             values))
    finally:
        measures.stop_tenants(context)
        for server in running:
            server.stop()
    (folder / "result.json").write_text(json.dumps(report, indent=1) + "\n")
    print(" ".join(f"{k}={v}" for k, v in report["machine"].items()))
    print_table(report["results"])
    print(f"{folder}/result.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
