#!/usr/bin/python3
"""Checks that what must not compile does not.

usage: compile_fail.py FILE -- COMPILER [FLAGS]

FILE has sections `#if CASE == n`. CASE 0 must compile; each other one must not, and the first error
must point into FILE at a line of that section, so that it fails for the reason that it shows.
"""
import re
import subprocess
import sys

SECTION = re.compile(r"^#(?:el)?if CASE == (\d+)")


def sections(text):
    """{case: (first line, last line)}"""
    found, case = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        if match := SECTION.match(line):
            case = int(match.group(1))
            found[case] = (number, number)
        elif line.startswith("#endif"):
            case = None
        elif case is not None:
            found[case] = (found[case][0], number)
    return found


def error_lines(file, compiler, case):
    command = [*compiler, "-fsyntax-only", "-fdiagnostics-color=never", f"-DCASE={case}", file]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    lines = re.findall(re.escape(file) + r":(\d+):\d+: (?:fatal )?error", run.stderr)
    return [int(line) for line in lines] or [0]


def verdict(file, compiler, case, where):
    lines = error_lines(file, compiler, case)
    if case == 0:
        return f"case 0 must compile, but has an error in line {lines[0]}" if lines else None
    if not lines:
        return f"case {case} (line {where[0]}) compiles, but must not"
    if not where[0] <= lines[0] <= where[1]:
        return f"case {case} (line {where[0]}) fails for another reason, in line {lines[0]}"
    return None


def main():
    file, compiler = sys.argv[1], sys.argv[3:]
    with open(file, encoding="utf-8") as source:
        cases = sections(source.read())
    wrong = [what for case, where in {0: (0, 0), **cases}.items()
             if (what := verdict(file, compiler, case, where))]
    for what in wrong:
        print(f"{file}: {what}")
    print(f"{len(cases)} cases must not compile, {len(wrong)} findings")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
