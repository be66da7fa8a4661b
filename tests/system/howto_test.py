# SPDX-License-Identifier: Apache-2.0
"""docs/howto as a whole: every page is run by a test and is in the index, and the runner itself sees what is wrong."""
import os
import re
import tempfile
import time
import unittest

import howto
from exit_search import ExitSearch
from howto import PAGES, Shell, blocks_of, missing_line
from page_search import OTHER_SIDE, PROGRAMS

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_RUN = {"README"}  # has no commands


class Pages(unittest.TestCase):
    def names(self):
        return sorted(name[:-3] for name in os.listdir(PAGES) if name.endswith(".md"))

    def test_every_page_is_run(self):
        text = ""
        for name in os.listdir(HERE):
            if name.endswith(".py"):
                with open(os.path.join(HERE, name), encoding="utf-8") as file:
                    text += file.read()
        run = set(re.findall(r'(?:self\.run_page\(|in blocks_of\(|before=\[)"([a-z0-9-]+)"', text))
        self.assertEqual(set(self.names()) - NOT_RUN, run)

    def test_every_page_of_a_device_says_which_program_is_searched(self):
        of_devices = {name for name in self.names() if any(block.is_client for block in blocks_of(name))}
        self.assertEqual(of_devices, set(PROGRAMS))
        self.assertLessEqual(set(OTHER_SIDE), of_devices)

    def test_every_page_is_in_the_index(self):
        with open(os.path.join(PAGES, "README.md"), encoding="utf-8") as file:
            linked = set(re.findall(r"\]\(([a-z0-9-]+)\.md\)", file.read()))
        self.assertEqual(set(self.names()) - NOT_RUN, linked)

    def test_every_page_says_what_it_needs_and_when_it_fails(self):
        for name in set(self.names()) - NOT_RUN:
            with self.subTest(page=name), open(os.path.join(PAGES, name + ".md"), encoding="utf-8") as file:
                text = file.read()
                self.assertRegex(text, "You need|What you need")
                self.assertTrue("## When it fails" in text or name == "setup")


class Runner(unittest.TestCase):
    """Brothers of the pages that must fail."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="simroot-howto-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def page(self, text):
        with open(os.path.join(self.folder, "page.md"), "w", encoding="utf-8") as file:
            file.write(text)
        before, howto.PAGES = howto.PAGES, self.folder
        try:
            return blocks_of("page")
        finally:
            howto.PAGES = before

    def run_page(self, text, search=None):
        shell = Shell(self.folder, {}, search)
        self.addCleanup(shell.end)
        for block in self.page(text):
            howto.PagesTestCase.run_block("page", shell, block)
        return shell

    def test_good_page(self):
        shell = self.run_page("text\n```sh\na=1; echo   one two\n```\nmore\n```text\none two\n```\n"
                              "```sh client\necho $a three\n```\n```text\n1 th...\n```\n")
        self.assertIn("1 three", shell.terminals[0].text)

    def test_failing_command_fails_the_page(self):
        for command in ("false; true", "false | true", "exit 3", "no-such-command"):
            with self.subTest(command=command), self.assertRaisesRegex(AssertionError, "ended with"):
                self.run_page(f"```sh\n{command}\n```\n")

    def test_output_in_another_order_is_missing(self):
        self.assertIsNone(missing_line(["a b", "c"], ["x\na   b\nc\n"]))
        self.assertEqual(missing_line(["c", "a b"], ["x\na b\nc\n"]), "a b")
        self.assertEqual(missing_line(["a...c"], ["a b\nc\n"]), "a...c")
        self.assertIsNone(missing_line(["a...c"], ["a b c\n"]))
        self.assertEqual(missing_line(["a.c"], ["abc"]), "a.c")
        self.assertIsNone(missing_line(["a", "1", "b"], ["a\nb\n", "1\n"]))
        self.assertEqual(missing_line(["b", "1", "a"], ["a\nb\n", "1\n"]), "a")

    def test_programs_in_the_background_tear_nobodys_lines(self):
        noise = "while sleep 0.001; do printf 'noi\\n'; printf 'se\\n'; done"
        text = (f"```sh\nbash -c \\\n  \"{noise}\" &\nbash -c \"{noise}\" 2>/dev/null &\n"
                "for i in 1 2 3 4 5; do printf o; sleep 0.01; printf ne; sleep 0.01; echo; done\nkill %1 %2\n```\n"
                "```text\none\none\none\none\none\n```\n")
        shell = self.run_page(text)
        self.assertEqual(shell.terminals[0].text, "one\n" * 5 + "@@ end of block 1: 0\n")
        self.assertIn("noi\nse\nnoi\n", shell.terminals[1].text)
        self.assertIn("noi\nse\nnoi\n", shell.terminals[2].text)

    def test_unknown_kind_of_block_is_an_error(self):
        for kind in ("shell", "sh clients", ""):
            with self.subTest(kind=kind), self.assertRaisesRegex(AssertionError, "unknown kind"):
                self.page(f"```{kind}\ntrue\n```\n")

    def test_what_a_page_leaves_running_is_found_and_ended(self):
        self.check_what_is_left_running()

    def test_what_a_searched_page_leaves_running_is_found_and_ended(self):
        search = ExitSearch(self.folder, [bytes(range(32))])
        reason = search.why_not()
        if reason:
            self.skipTest(reason)
        self.check_what_is_left_running(search)
        self.assertEqual([process.executable for process in search.searched()].count("sleep"), 3)
        with self.assertRaisesRegex(AssertionError, "ended with None"):
            self.run_page("```sh\nsleep 1000 &\nfalse\n```\n", search)  # the shell has ended, what it started has not

    def check_what_is_left_running(self, search=None):
        shell = self.run_page("```sh\nsleep 1000 &\nenv -i sleep 1001 &\nsetsid -f sleep 1002\n```\n", search)
        end = time.monotonic() + 5
        # A process that was just forked is not the program yet.
        while sorted(shell.command_lines()) != ["sleep 1000", "sleep 1001", "sleep 1002"] and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(sorted(shell.end()), ["sleep 1000", "sleep 1001", "sleep 1002"])
        self.assertEqual(shell.left_behind(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
