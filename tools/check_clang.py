#!/usr/bin/python3
"""Has clang read every source file of a build, without making code of it.

usage: check_clang.py BUILD [COMPILED]
  BUILD     a folder that was configured with the preset `clang`
  COMPILED  a folder of another build with clang: what it has compiled is not read once more
Prints what clang says; exits 1 if it refuses a file.
"""
import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def object_of(entry):
    command = shlex.split(entry["command"])
    return Path(entry["directory"], command[command.index("-o") + 1])


def check(entry):
    """What clang says of one file, and whether it takes it."""
    command = shlex.split(entry["command"])
    output = command.index("-o")
    del command[output:output + 2]
    done = subprocess.run([*command, "-fsyntax-only"], cwd=entry["directory"], text=True,
                          stderr=subprocess.PIPE)
    return done.returncode == 0, done.stderr


def entries_of(build):
    return json.loads(Path(build, "compile_commands.json").read_text(encoding="utf-8"))


def compiled_in(build):
    """The source files of which a build has made code."""
    return {entry["file"] for entry in entries_of(build) if object_of(entry).exists()}


def main():
    compiled = set().union(*map(compiled_in, sys.argv[2:]))
    # Each header alone is GCC's matter: the test style.headers.
    entries = [entry for entry in entries_of(sys.argv[1])
               if "/headers/" not in entry["file"] and entry["file"] not in compiled]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(check, entries))
    print("".join(said for _, said in outcomes), end="")
    if not outcomes:
        sys.exit(f"check_clang.py: no file to read in {sys.argv[1]}")
    refused = sum(not taken for taken, _ in outcomes)
    print(f"check_clang.py: {len(entries)} files, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
