#!/usr/bin/python3
"""tools/tidy.py and tools/check_deps.py find what they are there to find."""
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).parents[1] / "tools"


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def found_by(self, tool):
        run = subprocess.run([TOOLS / tool, self.root], capture_output=True, text=True, check=False)
        self.assertEqual(run.stderr, "")
        self.assertEqual(run.returncode, 1 if run.stdout else 0)
        return run.stdout.splitlines()

    def check_finds(self, name, text, finding):
        self.write(name, text)
        self.assertEqual(self.found_by("tidy.py"), [f"{name}:{finding}"])


class Tidy(Tree):
    def test_clean_file(self):
        self.write("src/a.h", "#pragma once\n\nint f() {\n  return 1;\n}\n")
        self.assertEqual(self.found_by("tidy.py"), [])

    def test_banned_word(self):
        word = "TO" + "DO"
        self.check_finds("a.cpp", f"// {word}: more\n", f'1: "{word}": do it, or file an issue')

    def test_line_length(self):
        self.check_finds("a.cpp", "x" * 101 + "\n", "1: 101 columns, want at most 100")

    def test_line_length_where_the_formatter_is_off(self):
        self.write("a.cpp", "// clang-format off\n" + "x" * 101 + "\n// clang-format on\n")
        self.assertEqual(self.found_by("tidy.py"), [])

    def test_file_length(self):
        self.check_finds("a.cpp", "int x;\n" * 501, "501: 501 lines, want at most 500")

    def test_function_length(self):
        for name, head, end in (("a.cpp", "int f(int a) {", "}"), ("a.sh", "f() {", "}"),
                                ("a.cpp", "  int f() const {", "  }"), ("a.py", "def f():", "")):
            def text(lines):
                return f"{head}\n" + "      x;\n" * lines + f"{end}\n" * bool(end) + "y\n"
            spare = 1 if end else 0
            self.write(name, text(60 - spare))
            self.assertEqual(self.found_by("tidy.py"), [])
            self.check_finds(name, text(61 - spare), "1: a function of 61 lines, want at most 60")
            (self.root / name).unlink()

    def test_function_whose_head_is_broken_over_lines(self):
        self.write("a.cpp", 'TEST_CASE(\n    "x") {\n  x;\n}\n' + "int y;\n" * 70 + "    }\n")
        self.assertEqual(self.found_by("tidy.py"), [])

    def test_white_space(self):
        self.check_finds("a.cpp", "int a; \n", "1: white space at the end of the line")
        self.check_finds("a.cpp", "\tint a;\n", "1: a tab; use spaces")
        self.check_finds("a.cpp", "int a;", "1: no newline at the end of the file")

    def test_worlds_are_not_told_apart(self):
        self.write("a.cpp", "  if (simulated) return;\n")
        self.assertIn("which world", self.found_by("tidy.py")[0])

    def test_header(self):
        self.check_finds("a.h", "int a;\n", "1: no #pragma once")

    def test_module_without_readme(self):
        self.write("src/core/CMakeLists.txt", "axs_module(core)\n")
        self.assertEqual(self.found_by("tidy.py"),
                         ["src/core/README.md:1: missing; every module explains itself in one"])


class Deps(Tree):
    def module(self, name, declared, **files):
        self.write(f"src/{name}/CMakeLists.txt", f"axs_module({name} {declared})\n")
        for file, text in files.items():
            self.write(f"src/{name}/{file.replace('__', '.')}", text)

    def test_agreement(self):
        self.module("b", "DEPS a PRIVATE_DEPS p TEST_DEPS t",
                    x__h='#include "axs/a/a.h"\n',
                    x__cpp='#include "axs/b/x.h"\n#include "axs/p/p.h"\n',
                    x_test__cpp='#include "axs/t/t.h"\n')
        self.assertEqual(self.found_by("check_deps.py"), [])

    def test_undeclared(self):
        self.module("b", "DEPS a", x__h='#include "axs/a/a.h"\n#include "axs/c/c.h"\n')
        self.assertEqual(self.found_by("check_deps.py"),
                         ["src/b/x.h: includes c, which is not declared for it"])

    def test_private_dependency_in_a_header(self):
        self.module("b", "PRIVATE_DEPS p", x__h='#include "axs/p/p.h"\n')
        self.assertEqual(self.found_by("check_deps.py"),
                         ["src/b/x.h: includes p, which is not declared for it"])

    def test_declared_but_unused(self):
        self.module("b", "DEPS a", x__h="\n")
        self.assertEqual(self.found_by("check_deps.py"),
                         ["src/b/CMakeLists.txt: declares a, which nothing includes"])


if __name__ == "__main__":
    unittest.main()
