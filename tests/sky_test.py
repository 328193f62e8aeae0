#!/usr/bin/python3
"""`axs sky` from outside: what it finds, its formats, its pictures, its errors.
usage: sky_test.py PATH-OF-AXS"""
import csv
import html.parser
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

AXS = os.path.abspath(sys.argv.pop(1))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KUIPER = os.path.join(ROOT, "data/kuiper-630.toml")
STARLINK = os.path.join(ROOT, "data/starlink-4408.toml")
REAL = os.path.join(ROOT, "data/leo-53-550.tle")
NOON = "2025-10-08T12:00:00Z"
MANILA, DALIAN = "14.6042,120.9822", "38.913811,121.602322"


def run(*arguments, timeout=120):
    return subprocess.run([AXS, "sky", *arguments], capture_output=True, text=True, check=False,
                          timeout=timeout)


class Page(html.parser.HTMLParser):
    """Counts elements; every one that is opened must be closed."""
    VOID = {"meta", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> after {self.open[-3:]}"
        self.open.pop()


class Sky(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def good(self, *arguments):
        outcome = run(*arguments)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""), outcome.stderr)
        return outcome.stdout

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.good(*arguments, "--csv"))))

    def check_bad(self, sentence, *arguments):
        outcome = run(*arguments)
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), outcome.stderr)
        self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome.stderr)
        self.assertIn(sentence, outcome.stderr)

    def picture(self, *arguments):
        path = self.path("picture.html")
        self.good(*arguments, "--html", path)
        with open(path) as file:
            text = file.read()
        self.assertNotIn("http:", text.replace("http://www.w3.org", ""))
        page = Page(text)
        self.assertEqual(page.open, [])
        return page, text

    def test_rtt(self):
        flags = ["rtt", "--shell", KUIPER, "--from", MANILA, "--to", DALIAN, "--duration", "3s",
                 "--step", "100ms"]
        rows = self.rows(*flags)
        self.assertEqual([row["t_ns"] for row in rows], [str(i * 100_000_000) for i in range(30)])
        self.assertAlmostEqual(int(rows[0]["rtt_ns"]) / 29423137.76, 1, delta=1e-4)
        samples = json.loads(self.good(*flags, "--json"))["samples"]
        self.assertEqual([str(s["rtt_ns"]) for s in samples], [row["rtt_ns"] for row in rows])
        self.assertIn("light in vacuum", self.good(*flags))
        page, _ = self.picture(*flags)
        self.assertEqual(page.seen["svg"], 2)

    def test_no_path(self):
        rows = self.rows("rtt", "--shell", KUIPER, "--from", "89,0", "--to", "fra", "--duration",
                         "20s")
        self.assertEqual({row["rtt_ns"] for row in rows}, {""})
        self.assertIn("no path at any time",
                      self.good("rtt", "--shell", KUIPER, "--from", "89,0", "--to", "fra",
                                "--duration", "20s"))

    def test_paths_are_the_changes_of_rtt(self):
        flags = ["--shell", KUIPER, "--from", MANILA, "--to", DALIAN, "--duration", "200s",
                 "--step", "1s"]
        paths = self.rows("paths", *flags)
        self.assertEqual(len(paths), 6)
        self.assertEqual(paths[0]["begin"], "2000-01-01T00:00:00.000Z")
        self.assertEqual(paths[-1]["end"], "2000-01-01T00:03:20.000Z")
        for before, after in zip(paths, paths[1:]):
            self.assertEqual(before["end"], after["begin"])
        rtts = [int(row["rtt_ns"]) / 1e6 for row in self.rows("rtt", *flags)]
        self.assertAlmostEqual(min(rtts), min(float(p["min_rtt_ms"]) for p in paths), delta=1e-6)
        self.assertAlmostEqual(max(rtts), max(float(p["max_rtt_ms"]) for p in paths), delta=1e-6)

    def test_five_shells_and_marks(self):
        rows = self.rows("paths", "--shell", STARLINK, "--from", "sfo", "--to", "fra",
                         "--duration", "1min", "--start", NOON)
        # Chosen anew at 12, 27, 42 and 57 s of the minute only.
        self.assertLessEqual({row["begin"][17:19] for row in rows}, {"00", "12", "27", "42", "57"})
        self.assertTrue(all(61 < float(row["min_rtt_ms"]) < 90 for row in rows), rows)

    def test_passes_and_contacts_agree(self):
        flags = ["--elements", REAL, "--start", NOON, "--duration", "5min"]
        passes = self.rows("passes", *flags, "--at", "sfo")
        contacts = self.rows("contacts", *flags, "--at", "sfo", "--at", "fra")
        self.assertEqual({row["station"] for row in contacts}, {"sfo", "fra"})
        shared = ("satellite", "rise", "set", "duration_s", "max_elevation_deg")
        self.assertEqual([[row[key] for key in shared] for row in passes],
                         [[row[key] for key in shared] for row in contacts
                          if row["station"] == "sfo"])
        self.assertTrue(all(float(row["max_elevation_deg"]) >= 25 for row in passes))
        stays = {row["satellite"]: row["set"] for row in contacts if row["station"] == "sfo"}
        for row in contacts:
            if row["station"] == "sfo" and row["next"]:
                self.assertGreater(stays[row["next"]], row["set"])
        page, _ = self.picture("passes", *flags, "--at", "sfo")
        self.assertEqual(page.seen["svg"], 1)

    def test_gateways_see_more(self):
        flags = ["contacts", "--elements", REAL, "--start", NOON, "--duration", "1s"]
        as_user = self.rows(*flags, "--at", "fra")
        as_gateway = self.rows(*flags, "--at", "gateway:fra")
        self.assertGreater(len(as_gateway), len(as_user))
        seen = {row["satellite"] for row in as_gateway}
        self.assertLessEqual({row["satellite"] for row in as_user}, seen)

    def test_old_elements_are_told(self):
        outcome = run("passes", "--elements", REAL, "--start", "2026-10-08T12:00:00Z", "--at",
                      "sfo", "--duration", "1s")
        self.assertEqual(outcome.returncode, 0)
        self.assertIn("days from --start", outcome.stderr)

    def test_one_satellite(self):
        rows = self.rows("passes", "--elements", REAL, "--start", NOON, "--at", "sfo",
                         "--duration", "1d", "--satellite", "LEO-0303")
        self.assertEqual({row["satellite"] for row in rows}, {"LEO-0303"})

    def test_coverage(self):
        rows = self.rows("coverage", "--shell", KUIPER, "--duration", "10min")
        by_latitude = {float(row["latitude_deg"]): float(row["mean_in_sight"]) for row in rows}
        self.assertEqual(len(by_latitude), 36)
        self.assertEqual(by_latitude[87.5], 0)
        self.assertGreater(by_latitude[47.5], by_latitude[2.5])
        page, text = self.picture("coverage", "--shell", KUIPER, "--duration", "1min")
        self.assertGreater(page.seen["rect"], 36 * 72)
        self.assertIn("satellites in sight", text)

    def test_lasers(self):
        # Beams across the planes of this star are too long near the equator.
        star = self.path("star.toml")
        with open(star, "w") as file:
            file.write("version = 1\nname = \"star\"\nepoch = \"2025-10-08T12:00:00Z\"\n[lasers]\n"
                       "max-range = \"4500 km\"\n[[shell]]\nplanes = 4\nper-plane = 12\n"
                       "inclination = 86.4\naltitude = \"780 km\"\nspread = \"star\"\n")
        flags = ["lasers", "--shell", star, "--duration", "100min"]
        rows = self.rows(*flags)
        for row in rows:
            self.assertLessEqual(row["opens"], row["carries"])
            self.assertLessEqual(row["carries"], row["closes"])
            self.assertLessEqual(float(row["max_km"]), 4500)
        late = [row for row in rows if row["opens"] > "2025-10-08T12:00:00.000Z"]
        self.assertGreater(len(late), 36)
        self.assertTrue(all(row["carries"] > row["opens"] for row in late))
        of_one = self.rows(*flags, "--satellite", "1-17")
        self.assertEqual(of_one, [row for row in rows if "1-17" in (row["a"], row["b"])])
        self.assertEqual(len({(row["a"], row["b"]) for row in of_one}), 4)

    def test_a_day_of_real_satellites_is_matched_anew(self):
        flags = ["paths", "--elements", REAL, "--from", "sfo", "--to", "fra", "--step", "5min"]
        day = self.rows(*flags, "--start", NOON, "--duration", "12h")
        later = self.rows(*flags, "--start", "2025-10-08T18:00:00Z", "--duration", "6h")
        second = [row for row in day if row["begin"] >= "2025-10-08T18"]
        self.assertEqual(second, later)

    def test_what_has_come_down_is_left_out(self):
        with open(REAL) as file:
            lines = file.read().splitlines()[:9]
        low = lines[8][:52] + "17.60000000" + lines[8][63:68]
        checksum = sum(int(c) if c.isdigit() else c == "-" for c in low) % 10
        mixed = self.path("mixed.tle")
        with open(mixed, "w") as file:
            file.write("\n".join(lines[:8] + [low + str(checksum)]) + "\n")
        outcome = run("lasers", "--elements", mixed)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        self.assertIn(f"1 of 3 satellites are left out; the first: satellite {lines[6]}: orbit "
                      "that is below the ground", outcome.stderr)
        with open(mixed, "w") as file:
            file.write("\n".join(lines[6:8] + [low + str(checksum)]) + "\n")
        self.check_bad("no orbit can be propagated", "lasers", "--elements", mixed)

    def test_same_answer_twice(self):
        flags = ["contacts", "--elements", REAL, "--start", NOON, "--duration", "2min", "--at",
                 "tyo", "--json"]
        self.assertEqual(self.good(*flags), self.good(*flags))

    def test_what_is_wrong_is_one_sentence(self):
        here = ["--from", "sfo", "--to", "fra"]
        self.check_bad("want either --shell FILE.toml or --elements FILE", "rtt", *here)
        self.check_bad("--from: no place is known as \"nowhere\"", "rtt", "--shell", KUIPER,
                       "--from", "nowhere", "--to", "fra")
        self.check_bad("--to: place \"91,0\": latitude not in [-90, 90]", "rtt", "--shell", KUIPER,
                       "--from", "sfo", "--to", "91,0")
        self.check_bad("--start: ", "rtt", "--shell", KUIPER, *here, "--start", "yesterday")
        self.check_bad("--duration: ", "rtt", "--shell", KUIPER, *here, "--duration", "-1s")
        self.check_bad("--step: ", "rtt", "--shell", KUIPER, *here, "--step", "0s")
        self.check_bad("--duration: 0, want", "rtt", "--shell", KUIPER, *here, "--duration", "0s")
        for interval in ("0s", "2min", "often"):
            self.check_bad("--reconfigure: ", "paths", "--shell", KUIPER, *here, "--reconfigure",
                           interval)
        self.check_bad("--grid: 7, want one that divides 180", "coverage", "--shell", KUIPER,
                       "--grid", "7")
        self.check_bad("want at most 1000000", "rtt", "--shell", KUIPER, *here, "--duration",
                       "300d", "--step", "10ms")
        self.check_bad("would miss short passes", "passes", "--shell", KUIPER, "--at", "sfo",
                       "--step", "5min")
        self.check_bad("--satellite: no satellite has \"X\" in its name", "passes", "--elements",
                       REAL, "--at", "sfo", "--satellite", "X")
        self.check_bad("no such file", "rtt", "--shell", self.path("none.toml"), *here)

    def test_bad_elements(self):
        with open(REAL) as file:
            lines = file.read().splitlines()[:3]
        bad = self.path("bad.tle")
        with open(bad, "w") as file:
            file.write("\n".join(lines[:2] + [lines[2][:60] + "x" + lines[2][61:]]) + "\n")
        self.check_bad("bad.tle line 3: ", "passes", "--elements", bad, "--at", "sfo")
        with open(bad, "w") as file:
            file.write('[{"EPOCH": "2025-10-08T12:00:00", "INCLINATION": "steep"}]')
        self.check_bad("INCLINATION is \"steep\", want a number", "passes", "--elements", bad,
                       "--at", "sfo")

    def test_a_picture_that_cannot_be_written(self):
        """Said before the work, which takes minutes for such a time."""
        way, long = ("--from", "sfo", "--to", "fra"), ("--duration", "20d", "--step", "2s")
        there = self.path("no/folder/picture.html")
        for arguments in (("rtt", *way), ("paths", *way), ("passes", "--at", "sfo"), ("coverage",)):
            outcome = run(*arguments, "--shell", KUIPER, *long, "--html", there, timeout=10)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
            self.assertRegex(outcome.stderr,
                             f"^axs: --html: cannot write {there}: .* \\(ENOENT\\)\n$")
        kept = self.path("kept.html")
        with open(kept, "w") as file:
            file.write("as it was")
        self.check_bad("no such file", "coverage", "--shell", self.path("none.toml"), "--html",
                       kept)
        with open(kept) as file:
            self.assertEqual(file.read(), "as it was")


if __name__ == "__main__":
    unittest.main()
