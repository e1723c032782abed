#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""Each transcript of tests/golden/imap against sessions on a fresh store; a line
"# host: NAME=NUMBER" in it sets something of imap_host."""
import functools
import os
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(os.environ["SOURCE_DIR"])
sys.path.insert(0, str(source / "tests/golden"))
import transcript


def run(path, folder):
    folder.mkdir()
    folder.chmod(0o700)
    settings = re.findall(r"^# host: (.*)$", path.read_text(), re.M)
    host = subprocess.Popen(
        [f"{os.environ['BUILD_DIR']}/tests/session/imap_host", str(folder),
         *" ".join(settings).split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        words = host.stdout.readline().split()
        if len(words) != 2:
            raise transcript.Failure(host.stderr.read()[-3000:])
        port = int(words[1])
        transcript.Player(functools.partial(transcript.connect_to,
                                            port)).play(path)
        host.terminate()
        errors = host.communicate(timeout=30)[1]
        if host.returncode or "Sanitizer" in errors:
            raise transcript.Failure(f"the host ended with {host.returncode}:"
                                     f" {errors[-3000:]}")
    except transcript.Failure as why:
        host.kill()
        rest = host.communicate()[1]
        return f"{why}\n{rest[-2000:]}"
    finally:
        host.kill()
    return None


def main():
    top = pathlib.Path(os.environ["TEST_DIR"])
    bad = 0
    for path in sorted((source / "tests/golden/imap").glob("*.txt")):
        if sys.argv[1:] and not any(a in path.name for a in sys.argv[1:]):
            continue
        why = run(path, top / path.stem)
        print(f"not ok {path.stem}: {why}" if why else f"ok {path.stem}",
              flush=True)
        bad += bool(why)
    return 1 if bad else 0


sys.exit(main())
