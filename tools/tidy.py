#!/usr/bin/python3
"""Checks the style rules that no compiler checks; CONTRIBUTING.md gives the reasons.

usage: tidy.py [FOLDER]    the root of the source tree, by default the one that holds this file
Prints "file:line: what is wrong" for each finding; exits 1 if there is any.
"""
import os
import re
import sys
from pathlib import Path

MAX_COLUMNS = 100
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60

SKIPPED_FOLDERS = {".git", ".axs", "build", "runs", "node_modules", "__pycache__"}
CODE = {".cpp", ".h", ".c", ".py", ".sh", ".cmake", ".js", ".mjs", ".ts", ".css"}
CODE_NAMES = {"axs", "run", "CMakeLists.txt"}
TEXT = CODE | {".md", ".toml", ".txt", ".json"}
GENERATED = {"package-lock.json"}
CPP = {".cpp", ".h"}

BANNED = re.compile(
    r"\b(TODO|FIXME|XXX|HACK)\b|(?i:\bfor now\b|\b(mock|dummy|placeholder|workaround)s?\b)"
)
BANNED_IN_CPP = [
    (re.compile(r"#include <iostream>"), "iostream adds static constructors; use fmt"),
    (re.compile(r"\b(if|while) \(!?\w*(is_)?simulat(ed|ing|ion)\w*\b"),
     "code must not know which world it is in; let the world differ"),
    (re.compile(r"^\s*(\(void\)\s*)?rc::check\("),
     "nobody sees what rc::check() returns; want CHECK(rc::check(...))"),
]
BANNED_IN_HEADERS = [
    (re.compile(r"^using namespace\b"), "a header must not open namespaces for its users"),
]
# clang-format has made the layout regular: a body ends at the first "}" as far left as its head.
FUNCTION_HEAD = re.compile(r"^(\s*)(?!namespace|class|struct|enum|union|extern)\S.*\)[^;{]*\{$")
PYTHON_HEAD = re.compile(r"^(\s*)(async )?def \w+")
SHELL_HEAD = re.compile(r"^(\s*)\w+\(\) \{$")


def source_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for path in sorted(Path(folder, name) for name in names if name not in GENERATED):
            if is_text(path) and path.is_file() and not path.is_symlink():
                yield path


def is_text(path):
    return path.suffix in TEXT or is_code(path)


def is_code(path):
    return path.suffix in CODE or path.name in CODE_NAMES


def without_unformatted(lines):
    """The same lines, but empty between `clang-format off` and `clang-format on`."""
    formatted = True
    for line in lines:
        if "clang-format off" in line:
            formatted = False
        if "clang-format on" in line:
            formatted = True
        yield line if formatted else ""


def check_text(text):
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end of the file"
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if "\t" in line:
            yield number, "a tab; use spaces"
        if match := BANNED.search(line):
            yield number, f'"{match.group()}": do it, or file an issue'


def check_size(lines):
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"{len(lines)} lines, want at most {MAX_FILE_LINES}"
    for number, line in enumerate(without_unformatted(lines), 1):
        if len(line) > MAX_COLUMNS:
            yield number, f"{len(line)} columns, want at most {MAX_COLUMNS}"


def check_cpp(path, lines):
    rules = BANNED_IN_CPP + (BANNED_IN_HEADERS if path.suffix == ".h" else [])
    for number, line in enumerate(lines, 1):
        for pattern, reason in rules:
            if pattern.search(line):
                yield number, f'"{line.strip()}": {reason}'
    if path.suffix == ".h" and "#pragma once" not in lines:
        yield 1, "no #pragma once"


def braced_function_lengths(lines, head):
    """(line, length) of each function: from its head to the brace that closes it."""
    for number, line in enumerate(lines):
        if match := head.match(line):
            end = re.compile(r"\s{0,%d}\}" % len(match.group(1)))
            body = next((i for i, later in enumerate(lines[number + 1:], 1) if end.match(later)), 0)
            yield number + 1, body


def python_function_lengths(lines):
    for number, line in enumerate(lines):
        if match := PYTHON_HEAD.match(line):
            indent = len(match.group(1))
            last = number
            for i, later in enumerate(lines[number + 1:], number + 1):
                if later.strip() and len(later) - len(later.lstrip()) <= indent \
                        and not later.lstrip().startswith(")"):
                    break
                last = i if later.strip() else last
            yield number + 1, last - number


def function_lengths(path, lines):
    if path.suffix == ".py":
        return python_function_lengths(lines)
    head = FUNCTION_HEAD if path.suffix in CPP else SHELL_HEAD
    return braced_function_lengths(list(without_unformatted(lines)), head)


def check_functions(path, lines):
    for number, length in function_lengths(path, lines):
        if length > MAX_FUNCTION_LINES:
            yield number, f"a function of {length} lines, want at most {MAX_FUNCTION_LINES}"


def check_file(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if path.name != "tidy.py" or path.parent.name != "tools":  # This file names what it bans.
        yield from check_text(text)
    if is_code(path):
        yield from check_size(lines)
        yield from check_functions(path, lines)
    if path.suffix in CPP:
        yield from check_cpp(path, lines)


def check_modules(root):
    for cmake in sorted(root.glob("src/*/CMakeLists.txt")):
        if not (cmake.parent / "README.md").exists():
            yield cmake.parent / "README.md", 1, "missing; every module explains itself in one"


def findings(root):
    for path in source_files(root):
        for number, what in check_file(path):
            yield path, number, what
    yield from check_modules(root)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    count = 0
    for path, number, what in findings(root):
        print(f"{path.relative_to(root)}:{number}: {what}")
        count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
