# SPDX-License-Identifier: Apache-2.0
"""docs/howto/platform.md as it stands there."""
import os
import shutil
import tempfile
import time
import unittest

from howto import PagesTestCase, Shell, blocks_of


class Page(unittest.TestCase):
    def test_page(self):
        home = tempfile.mkdtemp(prefix="simroot-howto-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        shell = Shell(home, PagesTestCase.environment())
        self.addCleanup(shell.end)
        for block in blocks_of("platform"):
            PagesTestCase.run_block("platform", shell, block)
        until = time.monotonic() + 10
        while shell.left_behind() and time.monotonic() < until:
            time.sleep(0.05)  # a process that was told to end needs a moment
        self.assertEqual(shell.end(), [])
        self.assertFalse(os.path.exists(os.path.join(home, "simroot-platform", "platform", "address")))


if __name__ == "__main__":
    unittest.main()
