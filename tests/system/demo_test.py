# SPDX-License-Identifier: Apache-2.0
"""`simroot demo`: the story to its end, the page that it draws, and how it ends when a part of it breaks."""
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

from support import BUILD, SIMROOT, clean_environment, run

LIMIT_S = 150  # for a whole story on a busy machine
LANES = ["card", "device", "platform", "broker, nginx", "attacker"]
SVG_CLASS = "lanes names"


class Story:
    """A running demo with a TMPDIR of its own, so that what it starts and leaves behind can be told."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.tmp = os.path.join(self.folder, "tmp")
        os.mkdir(self.tmp)
        self.page = os.path.join(self.folder, "page.html")
        self.errors = open(os.path.join(self.folder, "stderr"), "w+", encoding="ascii", errors="replace")
        self.output = ""
        self.process = subprocess.Popen([SIMROOT, "demo", "--page", self.page, *options], stdout=subprocess.PIPE,
                                        stderr=self.errors, env=clean_environment({"TMPDIR": self.tmp}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.process.stdout.close()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read_until(self, text=None):
        """Reads to `text`, or to the end."""
        end = time.monotonic() + LIMIT_S
        while text is None or text not in self.output:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk and (text is not None or not ready):
                raise AssertionError(f"the demo did not say {text!r}; it said:\n{self.output}\n{self.said_on_stderr()}")
            if not chunk:
                break
            self.output += chunk.decode()
        return self.output

    def end(self):
        self.read_until()
        return self.process.wait(LIMIT_S)

    def said_on_stderr(self):
        self.errors.seek(0)
        return self.errors.read()

    def started(self, program=""):
        """Processes that this demo has started, by the folder that is in their command line."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if self.tmp in " ".join(words) and int(pid) != self.process.pid and program in words[0]:
                found[int(pid)] = words
        return found


def elements(tree, css_class):
    return [element for element in tree.iter() if element.get("class") == css_class]


def words(element):
    return "".join(element.itertext())


class DemoTest(unittest.TestCase):
    maxDiff = None

    def check_nothing_left(self, story):
        self.assertEqual(os.listdir(story.tmp), [])
        end = time.monotonic() + 10
        while story.started() and time.monotonic() < end:  # the workers of nginx end a moment after their master
            time.sleep(0.05)
        self.assertEqual(story.started(), {})

    def check_page(self, page, steps):
        with open(page, encoding="ascii") as file:
            text = file.read()
        for word in ("<script", "src=", "href=", "url(", "http-equiv"):
            self.assertNotIn(word, text)
        tree = xml.etree.ElementTree.fromstring(text.split("\n", 1)[1])  # without the line of the document type
        acts = list(tree.iter("section"))
        for act in acts:
            names = [words(element) for row in elements(act, SVG_CLASS) for element in row.iter("text")]
            self.assertEqual(names, LANES)
        events = elements(tree, "event") + elements(tree, "event failed")
        self.assertEqual(len(events), steps)
        self.check_geometry(tree)
        return tree

    def check_geometry(self, tree):
        """Arrows begin and end at lanes (or a little before one, where they are refused)."""
        lanes = {10, 30, 50, 70, 90}
        arrows = [line for line in tree.iter("line") if line.get("class") == "sent" and "%" in line.get("x1")]
        self.assertGreater(len(arrows), 5)
        for arrow in arrows:
            begin, end = int(arrow.get("x1").rstrip("%")), int(arrow.get("x2").rstrip("%"))
            self.assertIn(begin, lanes)
            self.assertTrue({end - 3, end, end + 3} & lanes, end)
            self.assertNotEqual(begin, end)

    def test_the_whole_story(self):
        with Story() as story:
            self.assertEqual(story.end(), 0, story.output + story.said_on_stderr())
            out = story.output
            self.assertNotIn("FAIL", out)
            steps = len(re.findall(r"^ *\d+\.\d\d s  \[ ok \]", out, re.MULTILINE))
            self.assertIn(f"{steps} steps, all verified", out)
            figures = {label: value for value, label in re.findall(r"^(\S+(?: of \d+| s)?) {2,}(\S.*)$", out, re.MULTILINE)
                       if not value.startswith("[")}
            self.assertEqual(figures["of them lost"], "0")
            self.assertEqual(figures["attacks refused"], "7 of 7")
            self.assertGreaterEqual(int(figures["numbers sent while credentials changed"]), 27)
            self.assertEqual(figures["credentials rotated"], "3")
            self.assertLessEqual(float(figures["from the revocation to the end of the live connection"].split()[0]), 2.0)
            tree = self.check_page(story.page, steps)
            self.assertEqual(len(elements(tree, "event failed")), 0)
            self.assertIn(f"All {steps} steps were verified", words(elements(tree, "verdict")[0]))
            self.assertEqual(len(list(tree.iter("section"))), 8)
            self.assertGreaterEqual(len(elements(tree, "text refused")), 10)
            self.check_nothing_left(story)

    def test_the_broker_is_killed(self):
        with Story() as story:
            story.read_until("meter-17 publishes with mosquitto_pub")
            brokers = story.started("mosquitto")
            broker = [pid for pid, command in brokers.items() if command[0].endswith("/mosquitto")]
            self.assertEqual(len(broker), 1, brokers)
            os.kill(broker[0], signal.SIGKILL)
            self.assertEqual(story.end(), 1, story.output)
            self.assertEqual(story.output.count("[FAIL]"), 1)
            self.assertNotIn("all verified", story.output)
            tree = self.check_page(story.page, story.output.count("[ ok ]") + 1)
            self.assertEqual(len(elements(tree, "event failed")), 1)
            self.assertIn("Not all was verified", words(elements(tree, "verdict failed")[0]))
            self.check_nothing_left(story)

    def test_the_agent_sleeps_through_the_revocation(self):
        with Story() as story:
            story.read_until("7. Revocation")
            agent = [pid for pid, command in story.started().items() if command[1:3] == ["server", "agent"]]
            self.assertEqual(len(agent), 1, story.started())
            os.kill(agent[0], signal.SIGSTOP)
            self.assertEqual(story.end(), 1, story.output)
            self.assertIn("nginx still answers pump-3", story.said_on_stderr())
            self.check_nothing_left(story)

    def test_ctrl_c_and_trace(self):
        with Story("--trace") as story:
            story.read_until("meter-17 is switched on")
            story.process.send_signal(signal.SIGINT)
            self.assertEqual(story.end(), 1, story.output)
            said = story.said_on_stderr()
            self.assertIn("stopped by a signal", said)
            for word in ("INITIALIZE UPDATE", "EXTERNAL AUTHENTICATE"):
                self.assertIn(word, said)
            self.check_nothing_left(story)

    def test_nobody_reads_it(self):
        with Story() as story:
            story.read_until("the platform is set up")
            story.process.stdout.close()
            self.assertEqual(story.process.wait(LIMIT_S), 1)
            self.check_nothing_left(story)

    def test_the_plugin_is_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("bin", "lib", "tmp"):
                os.mkdir(os.path.join(folder, name))
            program = shutil.copy(SIMROOT, os.path.join(folder, "bin", "simroot"))
            os.symlink(os.path.join(BUILD, "lib", "ossl-modules"), os.path.join(folder, "lib", "ossl-modules"))
            result = run(program, "demo", "--page", os.path.join(folder, "page.html"), check=False,
                         env=clean_environment({"TMPDIR": os.path.join(folder, "tmp")}))
            self.assertEqual(result.returncode, 2)
            self.assertIn("the plugin for mosquitto is not beside this program; build it", result.stderr)
            self.assertEqual(os.listdir(os.path.join(folder, "tmp")), [])

    def test_a_program_is_missing(self):
        result = run(SIMROOT, "demo", "--page", "/dev/null/x", check=False, env=clean_environment({"PATH": "/nonexistent"}))
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr,
                         "simroot: openssl is not installed; install the Debian package openssl (`make setup` does)\n")

    def test_a_page_that_cannot_be_written(self):
        for page in ("/nonexistent/page.html", "/"):
            result = run(SIMROOT, "demo", "--page", page, check=False)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("give another file with --page", result.stderr)

    def test_two_stories_at_once_are_refused(self):
        self.assertEqual(run(SIMROOT, "demo", "--device", "--psk", check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
