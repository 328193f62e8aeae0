#!/usr/bin/python3
"""Compares what each module includes with what its CMakeLists.txt declares.

usage: check_deps.py [FOLDER]    the root of the source tree, by default that of this file
CMake already hides undeclared modules, but not those that come with a declared one; and it cannot
see a declaration that nothing needs. Prints each disagreement; exits 1 if there is any.
"""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#include "axs/(\w+)/[^"]+"', re.MULTILINE)
CALL = re.compile(r"^axs_module\(([^)]*)\)", re.MULTILINE)
KEYWORDS = {"PURE", "DEPS", "PRIVATE_DEPS", "EXTERNAL", "TEST_DEPS", "TEST_EXTERNAL"}


def declaration(cmake):
    """{"": [name], "DEPS": [...], ...} of the axs_module() call in `cmake`, or None."""
    call = CALL.search(re.sub(r"#.*", "", cmake.read_text()))
    if not call:
        return None
    lists, keyword = {"": []}, ""
    for word in call.group(1).split():
        if word in KEYWORDS:
            keyword = word
            lists[keyword] = []
        else:
            lists[keyword].append(word)
    return lists


def included(path):
    return set(INCLUDE.findall(path.read_text()))


def allowed(path, lists):
    """The modules that `path` may include; a header is for users who see DEPS only."""
    modules = set(lists[""]) | set(lists.get("DEPS", []))
    if path.suffix == ".cpp":
        modules |= set(lists.get("PRIVATE_DEPS", []))
    if path.name.endswith("_test.cpp"):
        modules |= set(lists.get("TEST_DEPS", []))
    return modules


def check_module(folder, lists):
    sources = sorted(folder.glob("*.h")) + sorted(folder.glob("*.cpp"))
    seen = set()
    for path in sources:
        modules = included(path)
        seen |= modules
        for extra in sorted(modules - allowed(path, lists)):
            yield f"src/{folder.name}/{path.name}: includes {extra}, which is not declared for it"
    declared = {m for key in ("DEPS", "PRIVATE_DEPS", "TEST_DEPS") for m in lists.get(key, [])}
    for unused in sorted(declared - seen):
        yield f"src/{folder.name}/CMakeLists.txt: declares {unused}, which nothing includes"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    count = 0
    for cmake in sorted(root.glob("src/*/CMakeLists.txt")):
        lists = declaration(cmake)
        for what in check_module(cmake.parent, lists) if lists else []:
            print(what)
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
