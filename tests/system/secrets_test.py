# SPDX-License-Identifier: Apache-2.0
"""Keys of known value are used through the whole system with traces on; then every trace, every output and the memory of
the processes on the device's side are searched for them. The card's own process holds them and is not searched."""
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from issuer import Issuer
from support import LIMIT_S, SIMROOT, CardTestCase, Child, Pki, clean_environment, run

SCALAR = hashlib.sha256(b"private key of the search test").digest()
SECRET = hashlib.sha256(b"pre-shared key of the search test").digest()
DEMO_PSK = bytes(range(16))  # published: secret 06 of every demo card


def memory_of(process):
    """What a process can write to: its heap, stacks and data."""
    with open(f"/proc/{process.pid}/maps", encoding="ascii") as maps, open(f"/proc/{process.pid}/mem", "rb", 0) as mem:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not found:
                continue
            start, end = (int(bound, 16) for bound in found.groups())
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except OSError:  # a mapping that is not there, such as [vvar]
                continue


def forms(secret):
    """The ways in which bytes stand in a text."""
    text = secret.hex()
    pairs = re.findall("..", text)
    return {form(separator.join(pairs)) for separator in ("", " ", ":") for form in (str, str.upper)}


class Secrets(CardTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.card_file = os.path.join(cls.folder, "sim.card")
        cls.port = os.path.join(cls.folder, "modem")
        cls.card = "at:" + cls.port
        cls.load_known_keys()
        cls.pki = Pki(cls.folder)
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/CN=localhost", "--card", "sim:" + cls.card_file).stdout
        cls.certificate = cls.pki.sign(csr, "device")
        cls.device = clean_environment({"OPENSSL_CONF": cls.write_configuration(cls.card + "\ntrace = on"),
                                        "SIMROOT_CACHE": os.path.join(cls.folder, "cache")})

    @classmethod
    def load_known_keys(cls):
        """Private key 01 and secrets 06 (the demo PSK) and 66 get known values, over the issuer's real path."""
        issuer = Issuer(cls.card_file)
        issuer.run(issuer.load_private_key(b"\1", SCALAR), issuer.make_psk(b"\x66"), issuer.load_psk(b"\x66", SECRET))

    def setUp(self):
        self.traces = os.path.join(self.folder, self.id() + ".trace")
        with open(self.traces, "w", encoding="ascii") as out:
            self.modem = subprocess.Popen([SIMROOT, "card", "run", self.card_file, "--modem", self.port, "--trace"],
                                          stdout=out, stderr=subprocess.STDOUT, env=clean_environment())
        self.addCleanup(self.end, self.modem)
        self.wait_for("modem on")

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def trace(self):
        with open(self.traces, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.trace():
            if time.monotonic() > end or self.modem.poll() is not None:
                self.fail(f"the trace has no {text!r}:\n{self.trace()[-2000:]}")
            time.sleep(0.01)

    def assert_memory_is_clean(self, process, present):
        """`present` is known to be in the memory: a search that does not find it proves nothing."""
        found = {"present": 0, "private key": 0, "secret": 0}
        for part in memory_of(process):
            for name, value in (("present", present), ("private key", SCALAR), ("secret", SECRET)):
                found[name] += part.count(value) + (part.count(value[::-1]) if name != "present" else 0)
        self.assertGreater(found.pop("present"), 0)
        self.assertEqual(found, {"private key": 0, "secret": 0})

    def assert_text_is_clean(self, *texts):
        for text in texts:
            for secret in (SCALAR, SECRET, DEMO_PSK):
                for form in forms(secret):
                    self.assertNotIn(form, text)

    def test_handshake(self):
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pki.server, "-key",
                       self.pki.server_key, "-CAfile", self.pki.ca, "-Verify", "2", "-verify_return_error")
        with server:
            server.read_until("ACCEPT 127.0.0.1:")
            server.read_until("\n")
            port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
            client = Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, "-tls1_3", "-key", "iotsafe:01",
                           "-cert", self.certificate, "-CAfile", self.pki.ca, "-verify_return_error", env=self.device)
            with client:
                client.read_until("Verify return code: 0 (ok)")
                client.say("meter reading 42\n")
                server.read_until("meter reading 42")
                point = re.search(r"pub:\n((?: +[0-9a-f:]+\n)+)",
                                  run("openssl", "x509", "-noout", "-text", "-in", self.certificate).stdout).group(1)
                self.assert_memory_is_clean(client.process, bytes.fromhex(re.sub("[^0-9a-f]", "", point))[1:33])
        self.assertIn("COMPUTE SIGNATURE", self.trace())
        self.assert_text_is_clean(self.trace(), client.output, server.output)

    def test_key_derivation_agreement_and_everything_else_a_conformance_run_does(self):
        output = os.path.join(self.folder, "report")
        with open(output, "w", encoding="utf-8") as out:
            judge = subprocess.Popen([SIMROOT, "conformance", "--card", self.card, "--allow-write"], stdout=out,
                                     stderr=subprocess.STDOUT, env=self.device)
        self.addCleanup(self.end, judge)
        searched = 0
        for command in ("COMPUTE SIGNATURE", "COMPUTE DH", "COMPUTE PRF", "COMPUTE HKDF"):
            self.wait_for(command)
            self.modem.send_signal(signal.SIGSTOP)  # the judge waits for an answer meanwhile
            if judge.poll() is None:
                # It may be past its last command and about to end: it is looked at only once it has stopped.
                judge.send_signal(signal.SIGSTOP)
                state = os.waitid(os.P_PID, judge.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                if state.si_code == os.CLD_STOPPED:
                    self.assert_memory_is_clean(judge, self.port.encode())
                    searched += 1
                    judge.send_signal(signal.SIGCONT)
            self.modem.send_signal(signal.SIGCONT)
        self.assertGreater(searched, 0)
        judge.wait(120)
        with open(output, encoding="utf-8") as report:
            self.assert_text_is_clean(self.trace(), report.read())

    def test_commands_of_the_device_with_trace(self):
        text = os.path.join(self.folder, "text")
        with open(text, "w", encoding="ascii") as file:
            file.write("meter reading")
        for arguments in (("sign", "01", text), ("random", "16"), ("list",), ("generate", "04"), ("public-key", "01"),
                          ("csr", "01", "--subject", "/CN=x"), ("mac", "08", text)):
            result = run(SIMROOT, "device", *arguments, "--card", self.card, "--trace", env=self.device)
            self.assertRegex(result.stderr, r"  > [0-9A-F]{8}")
            self.assert_text_is_clean(result.stdout, result.stderr)
        self.assert_text_is_clean(self.trace())

    def test_the_search_finds_what_is_there(self):
        child = Child("/usr/bin/python3", "-c",
                      "import hashlib; s = hashlib.sha256(b'pre-shared key of the search test').digest(); "
                      "print('ready', flush=True); input()")
        with child:
            child.read_until("ready")
            with self.assertRaises(AssertionError):
                self.assert_memory_is_clean(child.process, b"pre-shared key of the search test")
        for form in forms(DEMO_PSK):
            with self.assertRaises(AssertionError):
                self.assert_text_is_clean("before " + form + " after")


if __name__ == "__main__":
    unittest.main()
