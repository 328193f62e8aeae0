#!/usr/bin/python3
"""The report in a real browser: everything is drawn, nothing leaves, no error is said.

usage: report_test.py AXS [FOLDER]    FOLDER keeps the screenshots of the page
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

AXS = sys.argv.pop(1)
KEPT = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else None
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCENARIO = os.path.join(ROOT, "scenarios/three-continents.toml")

# In Chromium's log of the network: what a page asked for, unlike what the browser asks for itself.
REQUEST = re.compile(
    r'"params":\{"initiator":"(?!not an origin)[^"]*"[^\n]*?"url":"((?:https?|wss?|ftp):[^"]*)"')

# Added to a copy of the page: counts what was painted on each canvas, and tries the controls.
PROBE = """<script>
const painted = [...document.querySelectorAll("canvas")].map((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] > 0) count += 1;
  return count;
});
const slider = document.getElementById("time");
slider.value = 0;
slider.dispatchEvent(new Event("input"));
const early = document.querySelectorAll(".arc.on").length;
slider.value = 900;
slider.dispatchEvent(new Event("input"));
const late = document.querySelectorAll(".arc.on").length;
const toggle = document.querySelector("#speed .series button");
toggle.click();
const details = document.querySelector("#speed details");
details.open = true;
setTimeout(() => {
  document.documentElement.dataset.probe = JSON.stringify({
    painted, early, late,
    pressed: toggle.getAttribute("aria-pressed"),
    rows: details.querySelectorAll("tbody tr").length,
    wide: document.documentElement.scrollWidth - innerWidth,
    land: getComputedStyle(document.querySelector(".land")).fill,
    reachable: document.querySelectorAll("button, input, summary, a[href]").length,
  });
}, 100);
</script>
</body>"""

# What each table would have of width, and what it has.
BOXES = """<script>
document.documentElement.dataset.widths = JSON.stringify(
  [...document.querySelectorAll(".wide")].map((box) => [box.scrollWidth, box.clientWidth]));
</script>
</body>"""


def line(kind, **fields):
    origin = {"v": 2, "run": "r", "site": "", "at": 20_000_000_000, "type": kind}
    return json.dumps({**origin, **fields}) + "\n"


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = os.path.join(cls.temporary.name, "run")
        subprocess.run([AXS, "twin", SCENARIO, "--out", cls.folder], check=True,
                       stdout=subprocess.DEVNULL)
        cls.complete(cls.folder)
        made = subprocess.run([AXS, "report", cls.folder], check=True, capture_output=True,
                              text=True)
        cls.path = made.stdout.strip()
        with open(cls.path, encoding="utf-8") as file:
            cls.page = file.read()
        cls.dom, cls.said, cls.requests = cls.browse(cls.page.replace("</body>", PROBE))
        probe = re.search(r'data-probe="([^"]*)"', cls.dom)
        cls.probe = json.loads(probe.group(1).replace("&quot;", '"')) if probe else None

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @staticmethod
    def complete(folder):
        """What the simulated world lacks: losses and a prediction; and a name that means harm."""
        path = os.path.join(folder, "sites/sfo/events.jsonl")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        loss = 6.0
        while '"loss":null' in text:
            text = text.replace('"loss":null', f'"loss":{loss:.3f}', 1)
            loss = 1.5 + (loss - 1.5) * 0.9
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            file.write(line("Evaluated", site="sfo", at=30_000_000_000, loss=1.7123, tokens=50_000))
        own = os.path.join(folder, "events.jsonl")
        with open(own, encoding="utf-8") as file:
            text = file.read()
        harm = "</script><script>console.error('harm')</script>"
        with open(own, "w", encoding="utf-8") as file:
            file.write(text.replace('"scenario":"three-continents"', f'"scenario":"{harm}"', 1))
            file.write(line("Predicted", duration=33_000_000_000, bytes=150_000_000, syncs=115,
                            basis="calibrated on <50> steps"))

    @classmethod
    def chromium(cls, page, *flags):
        path = os.path.join(cls.temporary.name, "page.html")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        profile = os.path.join(cls.temporary.name, "profile")
        command = ["chromium", "--headless", "--disable-gpu", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-default-apps", "--disable-sync", "--hide-scrollbars",
                   "--enable-logging=stderr", "--log-level=0", f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium has none for root.
        return subprocess.run([*command, *flags, "file://" + path], capture_output=True, text=True,
                              timeout=120, check=True)

    @classmethod
    def browse(cls, page):
        """The page's DOM once its scripts have run, what the console said, what was asked for."""
        log = os.path.join(cls.temporary.name, "net.json")
        done = cls.chromium(page, "--dump-dom", "--virtual-time-budget=3000",
                            f"--log-net-log={log}")
        said = [text for text in done.stderr.splitlines() if "CONSOLE" in text]
        with open(log, encoding="utf-8", errors="replace") as file:
            requests = REQUEST.findall(file.read())
        return done.stdout, said, requests

    def test_nothing_is_said_on_the_console(self):
        # The page's policy allows no request, so one that is tried is said here too.
        self.assertEqual(self.said, [])

    def test_nothing_leaves(self):
        self.assertEqual(self.requests, [])
        self.assertIn("default-src 'none'", self.page)
        self.assertNotRegex(self.page, r'(src|href)="(https?:)?//')

    def test_what_would_leave_is_seen(self):
        leak = "<!doctype html><title>leak</title><img src='http://127.0.0.1:9/x.png'></body>"
        self.assertIn("http://127.0.0.1:9/x.png", self.browse(leak)[2])
        _, said, requests = self.browse(self.page.replace("</body>", leak))
        self.assertEqual(requests, [])
        self.assertIn("Content Security Policy", "".join(said))

    def test_all_charts_are_drawn(self):
        self.assertIn('data-drawn="6"', self.dom)
        self.assertEqual(len(self.probe["painted"]), 6)
        for count in self.probe["painted"]:
            self.assertGreater(count, 1000)

    def test_the_map_follows_the_time(self):
        self.assertEqual(self.probe["early"], 0)
        self.assertGreaterEqual(self.probe["late"], 3)
        self.assertEqual(self.dom.count('class="site"'), 3)
        self.assertEqual(len(re.findall(r'<path class="arc[^>]*data-link="', self.dom)), 6)

    def test_the_style_is_in_force(self):
        self.assertEqual(self.probe["land"], "rgb(228, 230, 225)")

    def test_what_the_mouse_does_the_keyboard_does(self):
        self.assertEqual(self.probe["pressed"], "false")
        self.assertGreater(self.probe["rows"], 50)
        self.assertGreater(self.probe["reachable"], 25)

    def test_the_facts_are_there_without_any_script(self):
        text = re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", "", self.page, flags=re.S))
        text = re.sub(r"\s+", " ", text)
        for fact in ("simulated", "1.7123", "every token counts once", "Every token counts once.",
                     "cut of sfo-fra fibre", "tyo computes 3× slower", "kill of the worker of fra",
                     "back after", "the others went on", "Estimated, not measured", "12 W",
                     "Energy = computing time × assumed power", "predicted 33.0 s", "150.0 MB",
                     "calibrated on &lt;50&gt; steps", "./axs twin", "bits per value",
                     "sfo-tyo leo", "packets lost", "Reroutes",
                     "the controller ordered it", "planned changes of satellites"):
            self.assertIn(fact, text)

    def test_a_name_cannot_break_out(self):
        self.assertNotIn("<script>console.error", self.page)

    def test_it_fits_a_phone_and_a_desk(self):
        for width in (1280, 390):
            shot = os.path.join(KEPT or self.temporary.name, f"report-{width}.png")
            self.chromium(self.page, f"--window-size={width},3000", f"--screenshot={shot}")
            with open(shot, "rb") as file:
                self.assertEqual(struct.unpack(">II", file.read(24)[16:])[0], width)
        self.assertLessEqual(self.probe["wide"], 0)

    def test_tables_and_pictures_of_a_plan_fit_a_desk(self):
        path = os.path.join(self.temporary.name, "plan.html")
        subprocess.run([AXS, "plan", os.path.join(ROOT, "scenarios/1024-gpus.toml"), "--html",
                        path], check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        seen = self.chromium(page.replace("</body>", BOXES), "--window-size=1280,3000",
                             "--dump-dom", "--virtual-time-budget=3000").stdout
        widths = json.loads(re.search(r'data-widths="([^"]*)"', seen).group(1))
        self.assertEqual(len(widths), 7)  # Four tables, three pictures.
        for inside, shown in widths:
            self.assertLessEqual(inside, shown)

    def test_a_run_that_has_just_begun_has_a_report_too(self):
        young = os.path.join(self.temporary.name, "young")
        os.makedirs(young)
        with open(os.path.join(self.folder, "events.jsonl"), encoding="utf-8") as file:
            first = file.readline()
        for lines in ("", first):
            with open(os.path.join(young, "events.jsonl"), "w", encoding="utf-8") as file:
                file.write(lines)
            made = subprocess.run([AXS, "report", young], capture_output=True, text=True,
                                  check=True)
            with open(made.stdout.strip(), encoding="utf-8") as file:
                dom, said, _ = self.browse(file.read())
            self.assertEqual(said, [])
            self.assertIn("not finished", dom)


if __name__ == "__main__":
    if KEPT:
        os.makedirs(KEPT, exist_ok=True)
    if not shutil.which("chromium"):
        sys.exit("chromium is not installed; ./axs test brings it")
    unittest.main()
