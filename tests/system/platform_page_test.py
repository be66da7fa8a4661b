# SPDX-License-Identifier: Apache-2.0
"""The pages of docs/howto that have a platform of their own, as they stand there."""
import os
import shutil
import tempfile
import time
import unittest

from howto import PagesTestCase, Shell, blocks_of


class Page(unittest.TestCase):
    def run_page(self, page):
        home = tempfile.mkdtemp(prefix="simroot-howto-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        shell = Shell(home, PagesTestCase.environment())
        self.addCleanup(shell.end)
        for block in blocks_of(page):
            PagesTestCase.run_block(page, shell, block)
        until = time.monotonic() + 10
        while shell.left_behind() and time.monotonic() < until:
            time.sleep(0.05)  # a process that was told to end needs a moment
        self.assertEqual(shell.end(), [])
        for folder in os.listdir(home):
            self.assertFalse(os.path.exists(os.path.join(home, folder, "platform", "address")))

    def test_platform(self):
        self.run_page("platform")

    def test_mosquitto_server(self):
        self.run_page("mosquitto-server")


if __name__ == "__main__":
    unittest.main()
