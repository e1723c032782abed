#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""doc/PROTOCOLS.md is what doc/protocols.py makes, and every capability that
the server claims has a proof."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
done = subprocess.run([str(TOP / "doc/protocols.py"), "--check"],
                      capture_output=True, text=True)
print("1..1")
print("ok 1 - capabilities and their proofs" if done.returncode == 0 else
      "not ok 1 - capabilities and their proofs")
for line in done.stdout.splitlines():
    print("# " + line)
sys.exit(done.returncode)
