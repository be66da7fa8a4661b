# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment of a program that uses the card directly, or of the card daemon, leaves no stuck card: the next
program always gets a logical channel. How many are killed for each test is SIMROOT_TEST_KILLS."""
import os
import random
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import LIMIT_S, SIMROOT, Child, clean_environment, run

SCRIPT = """# an issuer's: a file of three bytes
E0 03 400101
E311 C30F 830109 730474657374 600101 210101
E808 830109 4303414243
E1 00
"""
KILLS = int(os.environ.get("SIMROOT_TEST_KILLS", "14"))
SEED = int(os.environ.get("SIMROOT_TEST_SEED", "20261123"))  # of the moments at which something is killed
MODES = ("auto", "csim", "cgla")


class KillTestCase(unittest.TestCase):
    """A virtual SIM in an emulated modem of its own for every test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.dice = random.Random(SEED)
        self.environment = clean_environment({"XDG_RUNTIME_DIR": os.path.join(self.folder, "run"),
                                              "SIMROOT_CACHE": os.path.join(self.folder, "cache")})
        os.makedirs(self.environment["XDG_RUNTIME_DIR"], mode=0o700)
        self.socket = os.path.join(self.folder, "carded.sock")
        card_file = os.path.join(self.folder, "sim.card")
        self.keys = os.path.join(self.folder, "keys.csv")
        run(SIMROOT, "card", "create", card_file, "--export-keys", self.keys)
        self.card = "at:" + os.path.join(self.folder, "modem")
        modem = Child(SIMROOT, "card", "run", card_file, "--modem", self.card.removeprefix("at:"))
        modem.__enter__()
        self.addCleanup(modem.__exit__)
        modem.read_until("modem on")
        self.killed = 0

    def start(self, *command):
        return subprocess.Popen((SIMROOT, *command), env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, process, within_s):
        """The moment is what is random here; nothing waits for an end."""
        time.sleep(self.dice.uniform(0.0, within_s))
        process.send_signal(signal.SIGKILL)
        process.wait(LIMIT_S)
        self.killed += 1

    def sign(self, card, check=True):
        return run(SIMROOT, "device", "sign", "01", "--card", card, text="hello", env=self.environment, check=check)

    def assert_works(self, card):
        result = self.sign(card, check=False)
        self.assertEqual(result.returncode, 0, f"after {self.killed} kills: {result.stderr}")

    def assert_one_ledger(self):
        """What was killed is forgotten sooner or later: the ledger does not grow without end."""
        folder = os.path.join(self.environment["XDG_RUNTIME_DIR"], "simroot")
        ledgers = [name for name in os.listdir(folder) if name.startswith("channels-")]
        self.assertEqual(len(ledgers), 1)
        with open(os.path.join(folder, ledgers[0]), encoding="ascii") as file:
            self.assertLessEqual(len(file.readlines()), 66)


class DirectClients(KillTestCase):
    """Every client over the modem's port, one after the other."""

    def in_mode(self, mode):
        return f"{self.card}?mode={mode}"

    def duration_s(self, card):
        start = time.monotonic()
        for _ in range(3):
            self.sign(card)
        return (time.monotonic() - start) / 3

    def kill_clients(self, modes):
        duration_s = self.duration_s(self.in_mode(modes[0]))
        for count in range(KILLS):
            card = self.in_mode(self.dice.choice(modes))
            # One ends by itself at times; the other is in the middle of its work whenever it is killed.
            work = ("sign", "01") if count % 4 else ("random", "1048576")
            self.kill(self.start("device", *work, "--card", card), 1.2 * duration_s)
            self.assert_works(self.in_mode(self.dice.choice(modes)))
        self.assert_one_ledger()

    def test_mode_auto(self):
        self.kill_clients(("auto",))

    def test_mode_csim(self):
        self.kill_clients(("csim",))

    def test_mode_cgla(self):
        self.kill_clients(("cgla",))

    def test_modes_mixed(self):
        self.kill_clients(MODES)

    def test_issuers(self):
        """They open a channel to the security domain, without what other clients share."""
        script = os.path.join(self.folder, "script")
        with open(script, "w", encoding="ascii") as file:
            file.write(SCRIPT)
        for count in range(KILLS):
            card = self.in_mode(MODES[count % len(MODES)])
            self.kill(self.start("card", "personalise", "--card", card, "--keys", self.keys, "--script", script), 0.04)
            self.assert_works(card)
        self.assert_one_ledger()

    def test_many_killed_at_once(self):
        """What they have left must be told from what those hold that still run."""
        for _ in range(max(1, KILLS // 12)):
            clients = [self.start("device", "sign", "01", "--card", self.in_mode(self.dice.choice(MODES)))
                       for _ in range(6)]
            for client in clients:
                self.kill(client, 0.02)
            self.assert_works(self.in_mode(self.dice.choice(MODES)))

    def test_no_channel_free_while_three_run(self):
        """Nothing is taken from the living, and the others are told who they are."""
        for mode, opening in (("csim", b'AT+CSIM=10,"0070000001"\r'), ("cgla", b'AT+CCHO="A0000005590010"\r')):
            card = self.in_mode(mode)
            self.assert_works(card)  # and makes the ledger
            # This process is the program that holds them all; one was killed while it opened a channel.
            pid = os.getpid()
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                since = file.read().rpartition(")")[2].split()[19]
            held = [f"{number} -1" if mode == "csim" else f"0 {number}" for number in (1, 2, 3)]
            self.write_ledger([f"{channel} {pid} {since}" for channel in held] + ["0 -1 999999999 1"])
            for _ in held:
                self.assertIn("OK", self.say_to_modem(opening))
            refused = self.sign(card, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertRegex(refused.stderr, f"channels .*in use by pid {pid}.*simroot carded")
            self.write_ledger(["0 -1 999999999 1"] * 3)  # had it been killed
            self.assert_works(card)
            for number in (1, 2):  # one was enough
                closing = f'AT+CSIM=10,"007080{number:02}00"\r' if mode == "csim" else f"AT+CCHC={number}\r"
                self.assertRegex(self.say_to_modem(closing.encode()), '"9000"' if mode == "csim" else "OK")

    def write_ledger(self, lines):
        folder = os.path.join(self.environment["XDG_RUNTIME_DIR"], "simroot")
        ledger, = (name for name in os.listdir(folder) if name.startswith("channels-"))
        with open(os.path.join(folder, ledger), "w", encoding="ascii") as file:
            file.write("\n".join(["simroot-channels 1", *lines, ""]))

    def say_to_modem(self, line):
        modem = os.open(self.card.removeprefix("at:"), os.O_RDWR | os.O_NOCTTY)
        try:
            os.write(modem, line)
            answer = ""
            end = time.monotonic() + LIMIT_S
            while not re.search("OK\r|ERROR", answer):
                ready, _, _ = select.select([modem], [], [], max(0.0, end - time.monotonic()))
                self.assertTrue(ready, answer)
                answer += os.read(modem, 4096).decode()
            return answer
        finally:
            os.close(modem)


class Daemons(KillTestCase):
    def start_daemon(self, card):
        daemon = Child(SIMROOT, "carded", "--card", card, "--socket", self.socket, env=self.environment)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__)
        daemon.read_until("serving ")
        return daemon

    def kill_daemons(self, mode):
        card = f"{self.card}?mode={mode}"
        through = "unix:" + self.socket
        for count in range(KILLS):
            if count % 2 == 0:  # at its start
                self.kill(self.start("carded", "--card", card, "--socket", self.socket), 0.06)
            else:
                client = self.start("device", "sign", "01", "--card", through)
                self.kill(daemon.process, 0.06)
                client.wait(LIMIT_S)
            daemon = self.start_daemon(card)
            self.assert_works(through)
            if count % 2 == 1 or count == KILLS - 1:
                self.kill(daemon.process, 0.01)
        self.assert_works(card)
        self.assert_one_ledger()

    def test_mode_auto(self):
        self.kill_daemons("auto")

    def test_mode_csim(self):
        self.kill_daemons("csim")

    def test_mode_cgla(self):
        self.kill_daemons("cgla")


if __name__ == "__main__":
    unittest.main(verbosity=2)
