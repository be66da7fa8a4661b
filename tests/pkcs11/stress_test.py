# SPDX-License-Identifier: Apache-2.0
"""8 threads and forked children at one card in an emulated modem: no error. SIMROOT_STRESS_S: seconds, 3 if unset.

A card has three logical channels beside the basic one, and every process needs one: so two children beside their parent
without the card daemon, four with it.
"""
import os
import shutil
import subprocess
import tempfile
import unittest

from cards import BUILD, MODULE, SIMROOT, Card, clean_environment
from support import Child

SECONDS = int(os.environ.get("SIMROOT_STRESS_S", "3"))


class Stress(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.card = Card(self.folder, everything=False)
        self.port = os.path.join(self.folder, "modem")
        self.modem = Child(SIMROOT, "card", "run", self.card.file, "--modem", self.port)
        self.modem.__enter__()
        self.addCleanup(self.modem.__exit__)
        self.modem.read_until("modem on")

    def stress(self, card, children):
        log = os.path.join(self.folder, "log")
        environment = clean_environment({"SIMROOT_CARD": card, "SIMROOT_LOG": log,
                                         "SIMROOT_CACHE": os.path.join(self.folder, "cache")})
        result = subprocess.run(
            [os.path.join(BUILD, "test-bin", "pkcs11_stress"), MODULE, str(SECONDS), str(children)], env=environment,
            capture_output=True, text=True, timeout=SECONDS + 120)
        said = ""
        if os.path.exists(log):
            with open(log, encoding="utf-8") as file:
                said = file.read()
        print(result.stdout.strip())
        self.assertEqual((result.returncode, result.stderr, said), (0, "", ""))
        self.assertIn(" 0 failures", result.stdout)

    def test_at_the_modem(self):
        self.stress("at:" + self.port, 2)

    def test_through_the_daemon(self):
        socket = os.path.join(self.folder, "socket")
        with Child(SIMROOT, "carded", "--card", "at:" + self.port, "--socket", socket) as daemon:
            daemon.read_until(socket)
            self.stress("unix:" + socket, 4)


if __name__ == "__main__":
    unittest.main()
