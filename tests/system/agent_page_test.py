# SPDX-License-Identifier: Apache-2.0
"""docs/howto/nginx-server.md and haproxy.md as they stand there, behind what docs/howto/platform.md begins with."""
import os
import shutil
import tempfile
import time
import unittest

from howto import PagesTestCase, Shell, blocks_of


class Pages(unittest.TestCase):
    def run_page(self, page, blocks):
        home = tempfile.mkdtemp(prefix="simroot-howto-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        shell = Shell(home, PagesTestCase.environment())
        self.addCleanup(shell.end)
        for block in blocks_of("platform"):
            PagesTestCase.run_block("platform", shell, block)
            if "switch-on" in block.text:
                break  # the end of what the pages say is needed
        for block in blocks:
            PagesTestCase.run_block(page, shell, block)
        shell.run("kill %1; wait %1 || true")
        until = time.monotonic() + 10
        while shell.left_behind() and time.monotonic() < until:
            time.sleep(0.05)  # a process that was told to end needs a moment
        self.assertEqual(shell.end(), [])
        self.assertFalse(os.path.exists(os.path.join(home, "simroot-platform", "nginx", "pid")))

    def test_nginx(self):
        self.run_page("nginx-server", list(blocks_of("nginx-server")))

    def test_haproxy(self):
        self.run_page("haproxy", list(blocks_of("haproxy")))


if __name__ == "__main__":
    unittest.main()
