# SPDX-License-Identifier: Apache-2.0
"""The platform when its surroundings fail: disk full, clock jumps, a card that is gone in the middle."""
import glob
import json
import os
import random
import signal
import subprocess
import time
import unittest

from platform_test import Platform, PlatformTestCase
from support import LIMIT_S, SIMROOT, Child, clean_environment, run

FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]


class DiskFull(PlatformTestCase):
    """The platform's folder is a small file system of its own."""

    def setUp(self):
        super().setUp()
        self.platform.stop()
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", small], capture_output=True, text=True,
                                 check=False)
        if mounted.returncode != 0:
            self.skipTest("a small file system cannot be mounted here: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "--lazy", small], check=False)
        self.platform = Platform(small).start()
        self.addCleanup(self.platform.stop)
        self.filler = os.path.join(small, "filler")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def test_it_says_so_and_goes_on_by_itself(self):
        path, iccid = self.make_card()
        self.import_cards()
        other, other_iccid = self.make_card(keys="more.csv")
        self.fill()
        refused = self.switch_on("sim:" + path, check=False)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertTrue(refused.stderr.strip())
        more = run(SIMROOT, "platform", "card", "import", os.path.join(self.folder, "more.csv"), "--dir",
                   self.platform.dir, check=False)
        self.assertEqual(more.returncode, 1, more.stderr)
        self.assertIn("try again", more.stderr)
        self.platform.server.read_until("full")  # the log says why; outsiders need not know
        # Reading goes on, and nothing is half done.
        self.assertEqual([card["iccid"] for card in self.platform.ask("card", "list")], [iccid])
        os.unlink(self.filler)
        answer = json.loads(self.switch_on("sim:" + path).stdout)
        self.assertTrue(answer["provisioned"], answer)
        self.import_cards("more.csv")
        self.switch_on("sim:" + other)
        for number in (iccid, other_iccid):
            self.assertEqual(len(self.platform.credentials(number, "active")), 1)
            self.assertEqual({job["state"] for job in self.platform.jobs(number)}, {"done"})
        self.assertIn("entries", self.platform.ask("audit", "verify"))

    def test_full_at_every_stage_of_a_switch_on(self):
        """The disk fills up at a random moment of a rotation and is emptied again: one result, nothing twice."""
        path, iccid = self.make_card()
        self.import_cards()
        for _ in range(6):
            if self.platform.credentials(iccid, "active"):
                self.platform.ask("job", "request", iccid, "rotate")
            device = subprocess.Popen([SIMROOT, "device", "switch-on", "--platform", self.platform.url, "--ca",
                                       self.platform.ca, "--card", "sim:" + path], env=self.environment(),
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.0, 0.08))  # a random moment, which the test is about
            self.fill()
            device.wait(LIMIT_S)
            os.unlink(self.filler)
            self.switch_on("sim:" + path)
            self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
            self.assertEqual({job["state"] for job in self.platform.jobs(iccid)}, {"done"})
        made = [credential["job"] for credential in self.platform.credentials(iccid)]
        self.assertEqual(len(made), len(set(made)))
        self.assertIn("entries", self.platform.ask("audit", "verify"))


@unittest.skipIf(FAKETIME is None, "libfaketime is not installed (package faketime)")
class ClockJumps(PlatformTestCase):
    """The platform's clock is set while it runs; those of device and card are not."""

    def setUp(self):
        super().setUp()
        self.platform.stop()
        self.clock = os.path.join(self.folder, "clock")
        self.set_clock("+0")
        listen = self.platform.url.removeprefix("https://")
        server = Child(SIMROOT, "platform", "serve", "--dir", self.platform.dir, "--listen", listen,
                       env=clean_environment({"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": self.clock,
                                              "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}))
        server.read_until(" at https://")
        server.drain()
        self.platform.server = server

    def set_clock(self, offset):
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.replace(self.clock + ".new", self.clock)

    def test_a_day_back(self):
        path, iccid = self.make_card()
        self.import_cards()
        self.switch_on("sim:" + path)
        self.set_clock("-1d")
        self.platform.ask("job", "request", iccid, "rotate")
        self.switch_on("sim:" + path)
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
        self.assertEqual({job["state"] for job in self.platform.jobs(iccid)}, {"done"})
        times = [entry["time"] for entry in self.platform.ask("audit", "list")]
        self.assertEqual(times, sorted(times))
        self.assertIn("entries", self.platform.ask("audit", "verify"))

    def test_nothing_expires_by_a_wrong_clock(self):
        path, iccid = self.make_card()
        self.import_cards()
        self.switch_on("sim:" + path)
        self.set_clock("+730d")
        self.platform.server.read_until("nothing expires")
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
        self.set_clock("+0")
        self.platform.server.read_until("expiry and renewals go on")
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
        self.assertIn(iccid, self.handshake("sim:" + path))

    def test_two_years_ahead_and_back(self):
        path, iccid = self.make_card()
        self.import_cards()
        self.set_clock("+730d")
        self.switch_on("sim:" + path)
        self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
        self.platform.ask("job", "request", iccid, "rotate")
        self.set_clock("+0")
        # The job was queued two years from now; it does not wait for that.
        self.switch_on("sim:" + path)
        self.assertEqual({job["state"] for job in self.platform.jobs(iccid)}, {"done"})
        self.assertIn(iccid, self.handshake("sim:" + path))
        self.assertIn("entries", self.platform.ask("audit", "verify"))


class CardGone(PlatformTestCase):
    ROUNDS = 6

    def modem(self, path):
        child = Child(SIMROOT, "card", "run", path, "--modem", path + ".modem")
        child.read_until("modem on")
        return child

    def test_the_modem_dies_in_the_middle(self):
        path, iccid = self.make_card()
        self.import_cards()
        for _ in range(self.ROUNDS):
            if self.platform.credentials(iccid, "active"):
                self.platform.ask("job", "request", iccid, "rotate")
            with self.modem(path) as modem:
                device = subprocess.Popen([SIMROOT, "device", "switch-on", "--platform", self.platform.url, "--ca",
                                           self.platform.ca, "--card", "at:" + path + ".modem"],
                                          env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                          text=True)
                time.sleep(random.uniform(0.0, 0.15))  # a random moment, which the test is about
                modem.process.send_signal(signal.SIGKILL)
                _, errors = device.communicate(timeout=LIMIT_S)
                if device.returncode != 0:
                    self.assertEqual(device.returncode, 1, errors)
                    self.assertIn("simroot: ", errors)
                    self.assertNotIn("signal", errors)
            with self.modem(path):
                self.switch_on("at:" + path + ".modem")
            self.assertEqual(len(self.platform.credentials(iccid, "active")), 1)
            self.assertEqual({job["state"] for job in self.platform.jobs(iccid)}, {"done"})
        made = [credential["job"] for credential in self.platform.credentials(iccid)]
        self.assertEqual(len(made), len(set(made)))
        self.handshake("sim:" + path)


if __name__ == "__main__":
    unittest.main()
