# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with card, port or modem: one sentence with a next step on stderr, exit status 1 or 2, no hang."""
import os
import pty
import re
import shutil
import tempfile
import threading
import time
import tty
import unittest

from support import SIMROOT, Child, clean_environment, run

SELECT_OK = "9000"
SIGNATURE = "330040" + "11" * 32 + "22" * 32 + "9000"


class FakeModem:
    """A modem on a pty whose answers to AT+CSIM a test scripts: a function from APDU to hexadecimal answer, or None to
    stay silent, or HANG_UP to disappear in the middle of the answer, or bytes to be sent as they are."""

    HANG_UP = object()

    def __init__(self, answer):
        self.answer = answer
        self.seen = []
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.ends = [self.slave, self.master]
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.close()
        self.thread.join(5)

    def close(self):
        with self.lock:  # the test and the serving thread may both want to
            ends, self.ends = self.ends, []
        for end in ends:
            os.close(end)

    def serve(self):
        line = b""
        try:
            while self.ends:
                line += os.read(self.master, 1)
                if line.endswith(b"\r"):
                    self.reply(line.decode().strip())
                    line = b""
        except (OSError, TypeError):  # closed by the test or by ourselves
            return

    def reply(self, line):
        match = re.fullmatch(r'AT\+CSIM=\s*\d+,\s*"?([0-9A-F]*)"?', line)
        if line in ("ATE0", "AT"):
            os.write(self.master, b"\r\nOK\r\n")
        elif match is None:
            os.write(self.master, b"\r\nERROR\r\n")  # no CCHO, no CCID: a plain modem
        else:
            self.seen.append(match[1])
            self.send(self.answer(match[1]))

    def send(self, answer):
        if answer is None:
            return
        if answer is self.HANG_UP:
            os.write(self.master, b"\r\n+CSIM: 14")
            self.close()
            return
        raw = answer if isinstance(answer, bytes) else f'\r\n+CSIM: {len(answer)},"{answer}"\r\n\r\nOK\r\n'.encode()
        while raw:
            raw = raw[os.write(self.master, raw):]


def good_card(apdu):
    """What a card answers up to and including a signature."""
    ins = apdu[2:4]
    return {"70": "019000" if apdu[4:6] == "00" else "9000", "A4": SELECT_OK, "2A": "9000", "2B": SIGNATURE,
            "84": "00" * 16 + "9000"}.get(ins, "6D00")


def but(ins, answer):
    """A good card that answers `answer` to one instruction."""
    return lambda apdu: answer if apdu[2:4] == ins else good_card(apdu)


class WrongInputs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="simroot-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.text = os.path.join(self.folder, "text")
        with open(self.text, "w", encoding="ascii") as file:
            file.write("meter reading 42")

    def device(self, *arguments, card, timeout_s=2):
        """Runs `simroot device`; checks that it ends well inside the time it was given, whatever happens."""
        start = time.monotonic()
        env = clean_environment({"SIMROOT_CACHE": os.path.join(self.folder, "cache")})
        result = run(SIMROOT, "device", *arguments, "--card", card, "--timeout", str(timeout_s), env=env, check=False)
        self.assertLess(time.monotonic() - start, timeout_s + 8, "it hung")
        return result

    def assert_error(self, result, status, *words):
        """One line, beginning with the program's name, with cause and next step, naming what is expected."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertRegex(result.stderr, r"^simroot: .{15,}; .{8,}\n$")
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertNotIn("Traceback", result.stderr)

    def sign(self, card, **more):
        return self.device("sign", "01", self.text, card=card, **more)

    def sign_with(self, answer, **more):
        with FakeModem(answer) as modem:
            result = self.sign("at:" + modem.port + "?mode=csim", **more)
            return result, modem

    def test_the_fake_modem_is_good_enough_for_a_signature(self):
        result, modem = self.sign_with(good_card)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([apdu[2:4] for apdu in modem.seen], ["70", "A4", "2A", "2B", "70"])

    def test_missing_card_file(self):
        self.assert_error(self.sign("sim:" + self.folder + "/none"), 1, self.folder + "/none")

    def test_not_a_card_file(self):
        self.assert_error(self.sign("sim:" + self.text), 1, self.text)

    def test_missing_port(self):
        self.assert_error(self.sign("at:/dev/no-such-port"), 1, "/dev/no-such-port")

    def test_not_a_terminal(self):
        self.assert_error(self.sign("at:" + self.text), 1, self.text)

    def test_no_card_given(self):
        env = clean_environment()
        result = run(SIMROOT, "device", "info", env=env, check=False)
        self.assert_error(result, 2, "--card")

    def test_wrong_uri(self):
        self.assert_error(self.sign("usb:1"), 2, "usb")

    def test_wrong_reference(self):
        with FakeModem(good_card) as modem:
            self.assert_error(self.device("sign", "0", self.text, card="at:" + modem.port), 2)
            self.assert_error(self.device("sign", "label=", self.text, card="at:" + modem.port), 2)

    def test_missing_input_file(self):
        with FakeModem(good_card) as modem:
            result = self.device("sign", "01", self.folder + "/none", card="at:" + modem.port + "?mode=csim")
        self.assert_error(result, 1, self.folder + "/none")

    @unittest.skipIf(os.geteuid() != 0, "needs root to become a user without rights")
    def test_port_without_rights(self):
        with FakeModem(good_card) as modem:
            os.chmod(modem.port, 0o600)
            env = clean_environment({"HOME": "/nonexistent"})
            result = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", SIMROOT, "device", "random",
                         "8", "--card", "at:" + modem.port, env=env, check=False)
        self.assert_error(result, 1, modem.port, "group")

    def test_wrong_aid(self):
        result, modem = self.sign_with(but("A4", "6A82"))
        self.assert_error(result, 1, modem.port, "IoT SAFE")
        # Every AID that applets are known under was tried, and each channel closed again.
        self.assertEqual(len([apdu for apdu in modem.seen if apdu[2:4] == "A4"]), 4)

    def test_wrong_object(self):
        result, modem = self.sign_with(but("2A", "6A80"))
        self.assert_error(result, 1, "private key 01", modem.port, "6A80", "simroot device list")

    def test_key_that_may_not_sign(self):
        result, _ = self.sign_with(but("2A", "6985"))
        self.assert_error(result, 1, "6985")

    def test_6f00_at_each_command(self):
        for ins in ("70", "A4", "2A", "2B"):
            with self.subTest(ins=ins):
                result, _ = self.sign_with(but(ins, "6F00"))
                self.assert_error(result, 1, "6F00")

    def test_truncated_answer(self):
        for answer in ("", "90", "3300409000", SIGNATURE[:-12] + "9000"):
            with self.subTest(answer=answer):
                result, modem = self.sign_with(but("2B", answer))
                self.assert_error(result, 1, modem.port)

    def test_oversized_answer(self):
        result, modem = self.sign_with(but("2B", "33" * 5000 + "9000"))
        self.assert_error(result, 1, modem.port)

    def test_line_without_end(self):
        result, modem = self.sign_with(but("2B", b"A" * 100_000))
        self.assert_error(result, 1, modem.port)

    def test_answer_that_is_no_hexadecimal_text(self):
        result, modem = self.sign_with(but("2B", b'\r\n+CSIM: 4,"90G0"\r\n\r\nOK\r\n'))
        self.assert_error(result, 1, modem.port)

    def test_status_61_for_ever(self):
        result, _ = self.sign_with(lambda apdu: "6110" if apdu[2:4] in ("2B", "C0") else good_card(apdu))
        self.assert_error(result, 1)

    def test_status_6c_for_ever(self):
        result, _ = self.sign_with(but("2B", "6C10"))
        self.assert_error(result, 1)

    def test_modem_silent_from_the_start(self):
        master, slave = pty.openpty()
        tty.setraw(slave)
        port = os.ttyname(slave)
        try:
            self.assert_error(self.sign("at:" + port), 1, port, "within")
        finally:
            os.close(master)
            os.close(slave)

    def test_modem_silent_in_the_middle(self):
        result, modem = self.sign_with(but("2B", None))
        self.assert_error(result, 1, modem.port, "within")

    def test_modem_dies_in_the_middle(self):
        result, modem = self.sign_with(but("2B", FakeModem.HANG_UP))
        self.assert_error(result, 1, modem.port)

    def test_modem_without_sim(self):
        result, _ = self.sign_with(but("70", b"\r\n+CME ERROR: 10\r\n"))
        self.assert_error(result, 1, "SIM")

    def test_generation_is_not_repeated_when_its_answer_is_lost(self):
        with FakeModem(but("B9", FakeModem.HANG_UP)) as modem:
            result = self.device("generate", "04", card="at:" + modem.port + "?mode=csim")
        self.assert_error(result, 1)
        self.assertEqual(len([apdu for apdu in modem.seen if apdu[2:4] == "B9"]), 1)

    def test_generation_is_not_repeated_when_its_answer_cannot_be_fetched(self):
        answers = {"B9": "614D", "C0": "6E00"}
        with FakeModem(lambda apdu: answers.get(apdu[2:4]) or good_card(apdu)) as modem:
            result = self.device("generate", "04", card="at:" + modem.port + "?mode=csim")
        self.assert_error(result, 1)
        self.assertEqual(len([apdu for apdu in modem.seen if apdu[2:4] == "B9"]), 1)

    def test_card_file_in_use(self):
        card = os.path.join(self.folder, "sim.card")
        run(SIMROOT, "card", "create", card)
        port = os.path.join(self.folder, "modem")
        with Child(SIMROOT, "card", "run", card, "--modem", port) as owner:
            owner.read_until("modem on")
            self.assert_error(self.sign("sim:" + card, timeout_s=1), 1, f"in use by pid {owner.process.pid}")
            self.assert_error(run(SIMROOT, "card", "put-file", card, "02", self.text, check=False), 1, "in use by pid")

    def test_card_commands(self):
        card = os.path.join(self.folder, "sim.card")
        run(SIMROOT, "card", "create", card)
        self.assert_error(run(SIMROOT, "card", "create", card, check=False), 1, card)
        self.assert_error(run(SIMROOT, "card", "put-file", card, "77", self.text, check=False), 2)
        self.assert_error(run(SIMROOT, "card", "run", card, check=False), 2, "--modem")
        self.assert_error(run(SIMROOT, "card", "create", self.folder + "/x", "--iccid", "12", check=False), 2, "12")
        self.assertFalse(os.path.exists(self.folder + "/x"))
        self.assert_error(run(SIMROOT, "decode", "9G", check=False), 2, "9G")
        self.assert_error(run(SIMROOT, "card", "put-file", card, "02", self.text, check=False), 2, "certificate")
        key = os.path.join(self.folder, "key.pem")
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        self.assert_error(run(SIMROOT, "card", "put-file", card, "02", key, check=False), 2, "private key")
        self.assert_error(run(SIMROOT, "device", "inof", check=False), 2, "inof")

    def test_usage_errors_of_the_command_line(self):
        for arguments in ([], ["nonsense"], ["device", "sign"], ["card", "create"], ["device", "info", "--nonsense"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(run(SIMROOT, *arguments, check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
