# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a program and the key in the SIM: every mistake gives one sentence that says what to do,
and it is in what the program itself prints, wherever the program prints OpenSSL's errors."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

from issuer import Issuer, tlv
from support import BUILD, LIMIT_S, MODULES, SIMROOT, CardTestCase, Child, clean_environment, run


class Misuse(CardTestCase):
    def sign(self, key, env=None):
        """What the openssl program says when it cannot sign with this key."""
        result = run("openssl", "dgst", "-sha256", "-sign", key, "-out", os.path.join(self.folder, "signature"),
                     self.certificate, env=env or self.device, check=False)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        return result.stderr

    def device_with(self, card):
        return dict(self.device, SIMROOT_CARD=card)

    def selftest(self, env):
        result = run(SIMROOT, "device", "selftest", "--card", self.card, env=env, check=False)
        self.assertEqual(result.returncode, 1, result.stdout)
        return result.stdout

    def modem_with(self, card_file, name):
        port = os.path.join(self.folder, name)
        modem = Child(SIMROOT, "card", "run", card_file, "--modem", port)
        modem.__enter__()
        self.addCleanup(modem.__exit__)
        modem.read_until("modem on")
        return modem, port

    def test_the_right_use_works(self):
        run("openssl", "dgst", "-sha256", "-sign", "iotsafe:01", "-out", os.path.join(self.folder, "signature"),
            self.certificate, env=self.device)

    def test_provider_missing_in_the_configuration(self):
        path = self.write_configuration(self.card, order=("default",), name="no-provider.cnf")
        env = dict(self.device, OPENSSL_CONF=path)
        self.assertIn("No supported data to decode", self.sign(self.wrapper, env))  # nothing of ours is loaded
        said = self.selftest(env)
        self.assertRegex(said, "FAIL  .*no-provider.cnf")
        self.assertIn("[simroot_section]", said)

    def test_wrong_path_of_the_provider(self):
        with open(self.configuration, encoding="ascii") as good:
            text = good.read()
        path = os.path.join(self.folder, "wrong-path.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text.replace("simroot.so", "other.so"))
        env = dict(self.device, OPENSSL_CONF=path)
        self.assertIn("No supported data to decode", self.sign(self.wrapper, env))
        self.assertRegex(self.selftest(env), "FAIL  .*other.so cannot be read; write the path of simroot.so")

    def test_no_card_is_named(self):
        path = self.write_configuration("", name="no-card.cnf")
        self.assertRegex(self.sign("iotsafe:01", dict(self.device, OPENSSL_CONF=path)), "simroot.*card.*;")

    def test_object_that_does_not_exist(self):
        self.assertRegex(self.sign("iotsafe:77"), "private key 77 does not exist on .*; list the objects with "
                                                  "`simroot device list`")

    def test_object_without_the_function(self):
        run(SIMROOT, "device", "generate", "04", "--card", self.card, env=self.device)
        self.assertRegex(self.sign("iotsafe:04"), "private key 04 on .* not allowed for signing .*; look at its state "
                                                  "and functions with `simroot device list`")

    def test_no_such_port(self):
        self.assertRegex(self.sign("iotsafe:01", self.device_with("at:/dev/no-such-modem")),
                         "there is no port /dev/no-such-modem.*; plug the modem in, and look for its port")

    def test_wrapper_of_another_sim(self):
        card_file = os.path.join(self.folder, "other.card")
        run(SIMROOT, "card", "create", card_file)
        other = "sim:" + card_file
        said = self.sign(self.wrapper, self.device_with(other))
        self.assertRegex(said, "does not verify with the public key that belongs to it: another SIM is inserted.*; "
                               "insert the SIM this configuration was made for")

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_no_rights_on_the_port(self):
        module = os.path.join(self.folder, "simroot.so")
        shutil.copy(os.path.join(MODULES, "simroot.so"), module)  # the build may be where nobody else can read
        with open(self.configuration, encoding="ascii") as good:
            text = good.read()
        path = os.path.join(self.folder, "for-nobody.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write(re.sub("module = .*", "module = " + module, text))
        for name in (self.folder, module, path, self.certificate):
            os.chmod(name, 0o755)
        os.chmod(os.path.realpath(self.port), 0o600)
        env = clean_environment({"OPENSSL_CONF": path})
        result = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "openssl", "dgst", "-sha256",
                     "-sign", "iotsafe:01", self.certificate, env=env, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, "no rights to open at:.*; run this as that user, or give the port to the group")

    def test_card_removed_in_the_middle_of_a_handshake(self):
        card_file = os.path.join(self.folder, "pulled.card")
        shutil.copy(self.card_file, card_file)
        with Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pki.server, "-key",
                   self.pki.server_key, "-CAfile", self.pki.ca, "-Verify", "2", "-verify_return_error") as server:
            server.read_until("ACCEPT 127.0.0.1:")
            server.read_until("\n")
            port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
            for protocol in ("-tls1_2", "-tls1_3"):
                modem, modem_port = self.modem_with(card_file, "pulled-modem" + protocol)
                modem.process.send_signal(signal.SIGSTOP)  # from here on it does not answer
                client = Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, protocol, "-key", self.wrapper,
                               "-cert", self.certificate, "-CAfile", self.pki.ca, "-verify_return_error",
                               env=self.device_with("at:" + modem_port))
                with client:
                    client.read_until("CN = localhost\nverify return:1")  # next is the signature
                    wait_for_lock(client.process)
                    modem.process.kill()
                    modem.process.wait(5)
                    client.read_until("simroot::card not reachable")
                    self.assertRegex(client.output, f"{modem_port}.*; .+")
                    self.assertNotEqual(client.process.wait(LIMIT_S), 0)

    def test_keys_that_are_not_on_p256(self):
        card_file = os.path.join(self.folder, "curves.card")
        issuer = Issuer(card_file)
        for identifier, kind, usage, algorithms in ((b"\x0A", b"\x03", b"\x21", b"\3"), (b"\x0B", b"\x33", b"\7", b"\4"),
                                                    (b"\x0C", b"\x23", b"\5", b"\4")):
            common = (tlv("4B", kind) + tlv("4E", b"\1") + tlv("61", usage) + tlv("92", algorithms) +
                      tlv("91", b"\0\1"))
            issuer.run(tlv("E3", tlv("C1", tlv("84", identifier), tlv("60", b"\2"), common), tlv("85", identifier)),
                       tlv("E3", tlv("C2", tlv("85", identifier), tlv("60", b"\1"), common)),
                       tlv("E5", tlv("84", identifier)))
            name = identifier.hex()
            out = os.path.join(self.folder, name + ".pem")
            result = run(SIMROOT, "device", "wrap-key", name, out, "--card", "sim:" + card_file, check=False)
            self.assertEqual((result.returncode, os.path.exists(out)), (2, False), name)
            self.assertIn("is no key on P-256, which is what OpenSSL's programs can use; choose a P-256 key",
                          result.stderr)
            self.assertRegex(self.sign("iotsafe:" + name, self.device_with("sim:" + card_file)), "P-256",
                             name)
        run(SIMROOT, "device", "wrap-key", "01", out, "--card", "sim:" + card_file)

    def test_pin_not_given_and_pin_blocked(self):
        card_file = os.path.join(self.folder, "pin.card")
        issuer = Issuer(card_file)
        issuer.run(issuer.set_pin(b"1234"))
        _, port = self.modem_with(card_file, "pin-modem")
        env = self.device_with("at:" + port)
        advice = ("the card's user PIN has not been given, or is blocked .*; give it: pin-file in openssl.cnf, .*; or "
                  "have the card's issuer unblock it or take it off")
        self.assertRegex(self.sign("iotsafe:01", env), advice)
        with Modem(port) as line:
            channel = line.open_channel()
            answers = [line.transmit(channel, "0020000108" + pin.hex() + "FF" * 4)
                       for pin in (b"0000", b"1111", b"2222", b"1234")]
        self.assertEqual(answers, ["63C2", "63C1", "63C0", "6983"])
        self.assertRegex(self.sign("iotsafe:01", env), advice)

    def pin_file(self, pin, mode=0o600):
        path = os.path.join(self.folder, "pin")
        with open(path, "w", encoding="ascii") as file:
            file.write(pin + "\n")
        os.chmod(path, mode)
        return path

    def test_pin_from_a_file(self):
        card_file = os.path.join(self.folder, "pin-file.card")
        issuer = Issuer(card_file)
        issuer.run(issuer.set_pin(b"1234"))
        modem, port = self.modem_with(card_file, "pin-file-modem")

        def device(*words, pin_file=None):
            env = self.device_with("at:" + port)
            env.update({"SIMROOT_PIN_FILE": pin_file} if pin_file else {})
            return run(SIMROOT, "device", *words, env=env, check=False)

        self.assertIn("tries left: 3", device("pin").stdout)
        self.assertIn("--pin-file", device("sign", "01", __file__).stderr)
        self.assertIn("others than its owner may use it",
                      device("sign", "01", __file__, pin_file=self.pin_file("1234", 0o644)).stderr)
        wrong = device("sign", "01", __file__, "--pin-file", self.pin_file("4321"))
        self.assertRegex(wrong.stderr, "the PIN in .*pin is wrong, tries left: 2")
        self.assertIn("tries left: 1", device("pin", "--give", "--pin-file", self.pin_file("4321")).stderr)
        last = device("sign", "01", __file__, pin_file=self.pin_file("4321"))
        self.assertRegex(last.stderr, "one try left, so the one in .* was not given.*simroot device pin --give")
        right = self.pin_file("1234")
        self.assertIn("one try left", device("sign", "01", __file__, pin_file=right).stderr)
        self.assertIn("the PIN was given", device("pin", "--give", "--pin-file", right).stdout)

        # A new card, to which nobody has given the PIN: OpenSSL's programs with the file in their configuration.
        modem.__exit__()
        modem, port = self.modem_with(card_file, "pin-file-modem-2")
        path = self.write_configuration(f"at:{port}\npin-file = {right}", name="pin.cnf")
        env = clean_environment({"OPENSSL_CONF": path})
        self.assertIn("tries left: 3", device("pin").stdout)
        signature = os.path.join(self.folder, "pin.signature")
        run("openssl", "dgst", "-sha256", "-sign", "iotsafe:01", "-out", signature, __file__, env=env)
        self.assertIn("the PIN was given", device("pin").stdout)
        self.assertIn("valid", device("verify", "01", signature, __file__).stdout)

        modem.__exit__()
        _, port = self.modem_with(card_file, "pin-file-modem-3")
        for typed, status, said in ((b"4321\n", 1, "tries left: 2"), (b"123456789\n", 2, "nothing was sent"),
                                    (b"\x03", 2, "nothing was sent"), (b"1234\n", 0, "was given")):
            ended, shown = self.at_a_terminal(typed, SIMROOT, "device", "pin", "--give", "--card", "at:" + port)
            self.assertEqual(ended, status, (typed, shown))
            self.assertIn(said, shown)
            self.assertNotIn(typed.decode().strip(), shown.replace("^C", ""))

    def at_a_terminal(self, typed, *command):
        """Runs a command at a terminal of its own, types when it is asked; gives its status and what was shown."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, self.device)
        shown = b""
        try:
            while True:
                ready, _, _ = select.select([terminal], [], [], LIMIT_S)
                self.assertTrue(ready, (typed, shown))
                try:
                    chunk = os.read(terminal, 4096)
                except OSError:  # the other side is closed
                    break
                if not chunk:
                    break
                shown += chunk
                if shown.endswith(b"card: ") and typed:
                    os.write(terminal, typed)
                    typed = b""
        finally:
            os.close(terminal)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status), shown.decode()

    def test_pin_through_pkcs11_wrong_and_blocked(self):
        card_file = os.path.join(self.folder, "login.card")
        issuer = Issuer(card_file)
        issuer.run(issuer.set_pin(b"1234"))
        _, port = self.modem_with(card_file, "login-modem")
        env = self.device_with("at:" + port)

        def login(pin):
            module = os.path.join(BUILD, "lib", "libsimroot-pkcs11.so")
            return run("pkcs11-tool", "--module", module, "--login", "--pin", pin, "--sign",
                       "--mechanism", "ECDSA", "--id", "01", "--input-file", digest, "--output-file",
                       os.path.join(self.folder, "signature"), env=env, check=False)

        digest = os.path.join(self.folder, "digest")
        with open(digest, "wb") as file:
            file.write(bytes(32))
        self.assertEqual(login("1234").returncode, 0)
        for _ in range(2):
            self.assertIn("CKR_PIN_INCORRECT", login("0000").stderr)
        login("0000")
        self.assertIn("CKR_PIN_LOCKED", login("1234").stderr)


def wait_for_lock(process):
    """Waits until the process holds a lock: it has the modem, to talk to the card."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        with open("/proc/locks", encoding="ascii") as locks:
            if any(line.split()[1] == "FLOCK" and line.split()[4] == str(process.pid) for line in locks):
                return
        time.sleep(0.01)
    raise AssertionError(f"process {process.pid} does not talk to a modem")


class Modem:
    """A person with a terminal program at the modem's port."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.line = os.open(self.port, os.O_RDWR | os.O_NOCTTY)
        return self

    def __exit__(self, *_):
        os.close(self.line)

    def ask(self, command):
        os.write(self.line, command.encode() + b"\r")
        answer = b""
        end = time.monotonic() + LIMIT_S
        while not re.search(rb"\r\n(OK|ERROR|\+CME ERROR.*)\r\n", answer):
            ready, _, _ = select.select([self.line], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"no answer to {command}: {answer}")
            answer += os.read(self.line, 4096)
        return answer.decode()

    def open_channel(self):
        """The session with the applet, by the AID of the GSMA (IoT.05)."""
        return int(re.search(r"\+CCHO: (\d+)", self.ask('AT+CCHO="A0000005590010"')).group(1))

    def transmit(self, channel, apdu):
        """The status word of the answer."""
        answer = self.ask(f'AT+CGLA={channel},{len(apdu)},"{apdu}"')
        return re.search(r'\+CGLA: \d+,"([0-9A-F]+)"', answer).group(1)[-4:]


if __name__ == "__main__":
    unittest.main(verbosity=2)
