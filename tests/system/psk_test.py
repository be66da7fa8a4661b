# SPDX-License-Identifier: Apache-2.0
"""A pre-shared key that stays in the SIM, with the real openssl and mosquitto: every mode of TLS that has one, over the
port of an emulated modem. What the card was asked is counted in the provider's trace; the key itself is searched for in
the memory and the files of the device's side."""
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

import secrets_test
from support import LIMIT_S, MODULES, SIMROOT, Child, Pki, clean_environment, free_port, run, wait_for_port

KEY = secrets_test.SECRET  # 32 bytes, in secret key 66
PREFERRED = "?simroot.psk=yes"
TLS12 = ("-tls1_2",)
TLS13 = ("-tls1_3",)
DTLS12 = ("-dtls1_2",)


def suite(name):
    return ("-cipher", name + ":@SECLEVEL=0")


# psk_ke: both allow it, and have no group in common.
NO_KEY_EXCHANGE = (("-allow_no_dhe_kex", "-groups", "P-384"), ("-allow_no_dhe_kex", "-groups", "X25519"))

# name, options of both sides, options of the server, of the client, commands that the card computes
MODES = (
    ("PSK with AES-GCM", TLS12, (), suite("PSK-AES128-GCM-SHA256"), ["COMPUTE PRF"]),
    ("PSK with AES-CCM-8", TLS12, suite("ALL"), suite("PSK-AES128-CCM8"), ["COMPUTE PRF"]),
    ("PSK with AES-CBC", TLS12, (), suite("PSK-AES128-CBC-SHA256"), ["COMPUTE PRF"]),
    ("PSK with SHA-384", TLS12, (), suite("PSK-AES256-GCM-SHA384"), ["COMPUTE PRF"]),
    ("ECDHE-PSK", TLS12, (), suite("ECDHE-PSK-AES128-CBC-SHA256"), ["COMPUTE PRF"]),
    ("ECDHE-PSK with ChaCha20", TLS12, (), suite("ECDHE-PSK-CHACHA20-POLY1305"), ["COMPUTE PRF"]),
    ("DTLS PSK", DTLS12, (), suite("PSK-AES128-GCM-SHA256"), ["COMPUTE PRF"]),
    ("DTLS PSK with AES-CCM-8", DTLS12, suite("ALL"), suite("PSK-AES128-CCM8"), ["COMPUTE PRF"]),
    ("DTLS ECDHE-PSK", DTLS12, (), suite("ECDHE-PSK-AES128-CBC-SHA256"), ["COMPUTE PRF"]),
    ("TLS 1.3", TLS13, (), (), ["COMPUTE HKDF"]),
    ("TLS 1.3 with HelloRetryRequest", TLS13, ("-groups", "P-384"), ("-groups", "X25519:P-384"),
     ["COMPUTE HKDF", "COMPUTE HKDF"]),
    ("TLS 1.3 without key exchange", TLS13, *NO_KEY_EXCHANGE, ["COMPUTE HKDF"]),
)
DEEP_MODES = (
    ("TLS 1.3", TLS13, (), (), ["PSK TLS 1.3", "PSK TLS 1.3"]),
    ("TLS 1.3 with HelloRetryRequest", TLS13, ("-groups", "P-384"), ("-groups", "X25519:P-384"), ["PSK TLS 1.3"] * 3),
    ("TLS 1.3 with P-256", TLS13, ("-groups", "P-256"), ("-groups", "P-256"), ["PSK TLS 1.3"] * 2),
    ("PSK with AES-CBC", TLS12, (), suite("PSK-AES128-CBC-SHA256"), ["COMPUTE PRF"]),
)


class PskCase(unittest.TestCase):
    """A card with a pre-shared key of known value in an emulated modem."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.card_file = os.path.join(cls.folder, "sim.card")
        cls.port = os.path.join(cls.folder, "modem")
        cls.card = "at:" + cls.port
        secrets_test.Secrets.load_known_keys.__func__(cls)
        cls.modem_trace = os.path.join(cls.folder, "modem.trace")
        cls.start_modem()
        cls.configuration = cls.write("openssl.cnf")
        cls.handle = run(SIMROOT, "device", "psk-handle", "66", "--card", cls.card,
                         env=cls.environment(cls.configuration)).stdout.strip()

    @classmethod
    def start_modem(cls):
        with open(cls.modem_trace, "a", encoding="ascii") as out:
            cls.modem = subprocess.Popen([SIMROOT, "card", "run", cls.card_file, "--modem", cls.port, "--trace"],
                                         stdout=out, stderr=subprocess.STDOUT, env=clean_environment())
        cls.addClassCleanup(secrets_test.Secrets.end, cls.modem)
        end = time.monotonic() + LIMIT_S
        while not os.path.exists(cls.port):
            if time.monotonic() > end or cls.modem.poll() is not None:
                raise AssertionError("no modem")
            time.sleep(0.01)

    @classmethod
    def environment(cls, configuration, trace=None):
        extra = {"OPENSSL_CONF": configuration, "SIMROOT_CACHE": os.path.join(cls.folder, "cache")}
        return clean_environment(extra | ({"SIMROOT_TRACE": trace} if trace else {}))

    @classmethod
    def write(cls, name, order=("default", "simroot"), properties=PREFERRED, settings="", ssl="", random="", mode=""):
        """An openssl.cnf. @param settings lines of the provider's section. @param ssl lines of SSL's own."""
        path = os.path.join(cls.folder, name)
        sections = {"default": "activate = 1\n",
                    "simroot": f"module = {MODULES}/simroot.so\ncard = {cls.card}{mode}\n{settings}activate = 1\n"}
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nproviders = provs\n")
            file.write("alg_section = alg\n" if properties else "")
            file.write("ssl_conf = ssl\n" if ssl else "")
            file.write("random = random\n" if random else "")
            file.write("[provs]\n" + "".join(f"{provider} = {provider}_section\n" for provider in order))
            file.write("".join(f"[{provider}_section]\n{sections[provider]}" for provider in order))
            file.write(f"[alg]\ndefault_properties = {properties}\n" if properties else "")
            file.write(f"[ssl]\nsystem_default = ssl_default\n[ssl_default]\n{ssl}" if ssl else "")
            file.write(f"[random]\n{random}" if random else "")
        return path

    def start_server(self, *options, key=KEY, identity="device1"):
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-nocert", "-psk", key.hex(), "-psk_identity",
                       identity, *options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.read_until("ACCEPT 127.0.0.1:")
        server.read_until("\n")
        return server, server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]

    def client_command(self, port, *options, handle=None):
        return ("openssl", "s_client", "-connect", "127.0.0.1:" + port, "-psk", handle or self.handle, "-psk_identity",
                "device1", *options)

    def trace_path(self):
        path = os.path.join(self.folder, "client.trace")
        if os.path.exists(path):
            os.remove(path)
        return path

    @staticmethod
    def commands(trace):
        """What went to the card, one line a command."""
        if not os.path.exists(trace):
            return []
        with open(trace, encoding="utf-8") as file:
            return [line[3:].strip() for line in file if line.startswith("-> ")]

    def computed(self, trace):
        names = ("COMPUTE SIGNATURE UPDATE", "COMPUTE PRF", "COMPUTE HKDF", "COMPUTE DH", "GENERATE KEY PAIR",
                 "PUT PUBLIC KEY UPDATE", "PSK TLS 1.3", "GET RANDOM")
        return [name for line in self.commands(trace) for name in names if name in line]

    def talk(self, configuration, both, server_options, client_options, look=None):
        """One handshake with data in both directions. @returns the trace's path."""
        trace = self.trace_path()
        server, port = self.start_server(*both, *server_options)
        client = Child(*self.client_command(port, *both, *client_options),
                       env=self.environment(configuration, trace))
        with client:
            client.say("meter reading 42\n")
            server.read_until("meter reading 42")
            server.say("valve open 7\n")
            client.read_until("valve open 7")
            if look:
                look(client)
            client.say("Q\n")
            self.assertEqual(client.process.wait(LIMIT_S), 0)
        return trace

    def fail_to_talk(self, configuration, both, client_options=(), server_options=(), handle=None, key=KEY):
        """A handshake that must fail on both sides. @returns what client and server said."""
        server, port = self.start_server(*both, *server_options, key=key)
        client = subprocess.run(self.client_command(port, *both, *client_options, handle=handle), input="secret text\n",
                                capture_output=True, text=True, timeout=LIMIT_S, env=self.environment(configuration))
        self.assertNotEqual(client.returncode, 0, client.stdout)
        server.process.stdin.close()
        server.process.stdin = None
        server.process.terminate()
        rest = server.process.stdout.read().decode(errors="replace")
        self.assertNotIn("secret text", server.output + rest)
        return client.stdout + client.stderr, server.output + rest


class Modes(PskCase):
    def test_every_mode_in_every_configuration(self):
        configurations = (self.configuration,
                          self.write("first.cnf", ("simroot", "default")),
                          self.write("first-plain.cnf", ("simroot", "default"), properties=None),
                          self.write("spike.cnf", properties="?iotsafe.psk=yes"))
        for number, configuration in enumerate(configurations):
            for name, both, server, client, expected in MODES if number < 2 else (MODES[0], MODES[-3]):
                with self.subTest(mode=name, configuration=os.path.basename(configuration)):
                    trace = self.talk(configuration, both, server, client)
                    self.assertEqual(self.computed(trace), expected)

    def test_without_extended_master_secret(self):
        configuration = self.write("no-ems.cnf", ssl="Options = -ExtendedMasterSecret\n")
        for mode in (MODES[0], MODES[4], MODES[6]):
            with self.subTest(mode=mode[0]):
                trace = self.talk(configuration, *mode[1:4])
                self.assertEqual(self.computed(trace), mode[4])
                # "master secret" and two random numbers of 32 bytes, instead of a transcript's digest
                self.assertIn("label and seed 77 bytes", "".join(self.commands(trace)))

    def test_deep_mode(self):
        for order in (("default", "simroot"), ("simroot", "default")):
            configuration = self.write("deep.cnf", order, settings="psk = deep\n")
            for name, both, server, client, expected in DEEP_MODES:
                with self.subTest(mode=name, order=order):
                    trace = self.talk(configuration, both, server, client)
                    self.assertEqual(self.computed(trace), expected)

    def test_exchanges_of_a_handshake_on_an_open_card(self):
        """TLS 1.2: COMPUTE PRF and the GET RESPONSE that T=0 needs, and nothing else, hot or cold."""
        trace = self.talk(self.configuration, *MODES[0][1:4])
        commands = self.commands(trace)
        first = next(i for i, line in enumerate(commands) if "COMPUTE PRF" in line)
        self.assertIn("GET RESPONSE", commands[first + 1])
        self.assertEqual(commands[first + 2:], [])
        self.assertEqual(commands[:first], [])  # the modem opens the channel itself: AT+CCHO

    def test_the_channel_is_given_back(self):
        trace = self.talk(self.write("csim.cnf", mode="?mode=csim"), *MODES[0][1:4])
        commands = self.commands(trace)
        self.assertEqual(len(commands), 5, commands)  # open, SELECT, the two of the handshake, close
        self.assertIn("MANAGE CHANNEL close", commands[-1])

    def test_real_pre_shared_keys_and_certificates_still_work(self):
        pki = Pki(self.folder)
        for settings in ("", "psk = deep\n"):
            configuration = self.write("soft.cnf", settings=settings)
            for both in (TLS12, TLS13):
                with self.subTest(settings=settings, both=both):
                    trace = self.trace_path()
                    server, port = self.start_server(*both)
                    options = suite("PSK-AES128-CBC-SHA256") if both == TLS12 else ()
                    with Child(*self.client_command(port, *both, *options, handle=KEY.hex()),
                               env=self.environment(configuration, trace)) as client:
                        client.say("meter reading 43\n")
                        server.read_until("meter reading 43")
                    self.assertEqual(self.commands(trace), [])
                    server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pki.server, "-key",
                                   pki.server_key, *both)
                    with server:
                        server.read_until("ACCEPT 127.0.0.1:")
                        server.read_until("\n")
                        port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
                        with Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, "-CAfile", pki.ca, *both,
                                   env=self.environment(configuration, trace)) as client:
                            client.read_until("Verify return code: 0 (ok)")
                            client.say("meter reading 44\n")
                            server.read_until("meter reading 44")
                    self.assertEqual(self.commands(trace), [])

    def test_mosquitto_pub(self):
        port = free_port()
        psk_file = os.path.join(self.folder, "psk")
        with open(psk_file, "w", encoding="ascii") as file:
            file.write(f"device1:{KEY.hex()}\n")
        settings = os.path.join(self.folder, "mosquitto.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(f"listener {port} 127.0.0.1\npsk_hint simroot\npsk_file {psk_file}\nuse_identity_as_username true\n"
                       "allow_anonymous false\nciphers PSK-AES128-GCM-SHA256:@SECLEVEL=0\n")
        os.chmod(psk_file, 0o644)
        os.chmod(settings, 0o644)
        os.chmod(self.folder, 0o755)
        with Child("mosquitto", "-v", "-c", settings) as broker:
            broker.read_until("running")
            wait_for_port(port)
            for version in ("tlsv1.2", "tlsv1.3"):
                with self.subTest(version=version):
                    trace = self.trace_path()
                    configuration = self.write("mqtt.cnf", ssl="MaxProtocol = TLSv1.2\n" if "2" in version else "")
                    run("mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "--psk", self.handle, "--psk-identity",
                        "device1", "--tls-version", version, "--ciphers", "PSK-AES128-GCM-SHA256", "-t",
                        "meter/" + version, "-m", "42", env=self.environment(configuration, trace))
                    broker.read_until("meter/" + version)
                    expected = "COMPUTE PRF" if version == "tlsv1.2" else "COMPUTE HKDF"
                    self.assertEqual(self.computed(trace), [expected])
            self.assertIn("device1", broker.output)


class KeyStaysOnTheCard(PskCase):
    def search(self, client):
        """The public handle must be found: a search that finds nothing at all proves nothing."""
        found = {"handle": 0, "key": 0}
        for part in secrets_test.memory_of(client.process):
            found["handle"] += part.count(bytes.fromhex(self.handle)) + part.count(self.handle.encode())
            found["key"] += part.count(KEY) + part.count(KEY[::-1]) + part.count(KEY.hex().encode())
        self.assertGreater(found["handle"], 0)
        self.assertEqual(found["key"], 0)

    def test_memory_and_files(self):
        outputs = []

        def look(client):
            self.search(client)
            outputs.append(client.output)

        for mode in (MODES[0], MODES[5], MODES[-3]):
            self.talk(self.configuration, *mode[1:4], look=look)
            with open(os.path.join(self.folder, "client.trace"), encoding="utf-8") as file:
                outputs.append(file.read())
        self.talk(self.write("deep.cnf", settings="psk = deep\n"), *DEEP_MODES[0][1:4], look=look)
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and path != self.card_file and name != "script":
                    with open(path, "rb") as file:
                        content = file.read()
                    self.assertNotIn(KEY, content, path)
                    outputs.append(content.decode("latin-1"))
        for text in outputs:
            for form in secrets_test.forms(KEY):
                self.assertNotIn(form, text)

    def test_no_early_secret_in_deep_mode(self):
        """HKDF-Extract(0, PSK) is as good as the key (docs/threat-model.md): deep mode has it nowhere, standard mode has
        it in the memory of the client."""
        import hashlib
        import hmac
        early = hmac.new(bytes(32), KEY, hashlib.sha256).digest()
        for settings, wanted in (("", True), ("psk = deep\n", False)):
            def look(client, wanted=wanted):
                count = sum(part.count(early) for part in secrets_test.memory_of(client.process))
                self.assertEqual(count > 0, wanted)
            with self.subTest(settings=settings):
                self.talk(self.write("look.cnf", settings=settings), *MODES[-3][1:4], look=look)


class Misuse(PskCase):
    def test_without_our_kdf_the_peer_refuses_cleanly(self):
        unconfigured = self.write("plain.cnf", properties=None)
        for both, options, words in ((TLS12, suite("PSK-AES128-GCM-SHA256"), "bad record mac"), (TLS13, (), "binder")):
            with self.subTest(both=both):
                client, server = self.fail_to_talk(unconfigured, both, options)
                self.assertIn("alert", client)
                self.assertIn(words, server)

    def test_handles_that_name_nothing(self):
        for handle, words in (("73696d726f6f742d70736b0101770000", "secret key 77 does not exist"),
                              ("73696d726f6f742d70736b0180000000", "no secret key that this PSK handle refers to"),
                              ("73696d726f6f742d70736b0100000000", "no secret key that this PSK handle refers to")):
            for both, options in ((TLS12, suite("PSK-AES128-GCM-SHA256")), (TLS13, ())):
                with self.subTest(handle=handle, both=both):
                    client, _ = self.fail_to_talk(self.configuration, both, options, handle=handle)
                    self.assertIn(words, client)

    def test_objects_without_the_function(self):
        for both, options in ((TLS12, suite("PSK-AES128-GCM-SHA256")), (TLS13, ())):
            client, _ = self.fail_to_talk(self.configuration, both, options, handle="73696d726f6f742d70736b0101070000")
            self.assertIn("not allowed for key derivation", client)

    def test_another_key(self):
        for both, options, words in ((TLS12, suite("PSK-AES128-GCM-SHA256"), "bad record mac"), (TLS13, (), "binder")):
            client, server = self.fail_to_talk(self.configuration, both, options, key=bytes(32))
            self.assertIn("alert", client)
            self.assertIn(words, server)

    def test_dhe_psk_says_what_to_use_instead(self):
        client, _ = self.fail_to_talk(self.configuration, TLS12, suite("DHE-PSK-AES128-GCM-SHA256"))
        self.assertIn("use ECDHE-PSK or PSK cipher suites instead of DHE-PSK", client)

    def test_no_key_exchange_in_deep_mode(self):
        server, client = NO_KEY_EXCHANGE
        client, _ = self.fail_to_talk(self.write("deep.cnf", settings="psk = deep\n"), TLS13, client, server)
        self.assertIn("psk_ke", client)

    def test_card_that_is_gone(self):
        """The port is there at the start and nobody answers any more in the middle of the handshake."""
        configuration = self.write("short.cnf", settings="timeout = 1\n")
        self.modem.send_signal(secrets_test.signal.SIGSTOP)
        try:
            for both, options in ((TLS12, suite("PSK-AES128-GCM-SHA256")), (TLS13, ())):
                client, _ = self.fail_to_talk(configuration, both, options)
                self.assertIn("card not reachable", client)
                self.assertIn(self.port, client)
        finally:
            self.modem.send_signal(secrets_test.signal.SIGCONT)
        self.talk(self.configuration, *MODES[0][1:4])

    def test_a_wrong_setting_is_told(self):
        client, _ = self.fail_to_talk(self.write("wrong.cnf", settings="psk = shallow\n"), TLS13)
        self.assertIn("psk = shallow", client)


class Resumption(PskCase):
    """A session that is resumed costs the card nothing at all."""

    def resume(self, both, server_options, client_options):
        session = os.path.join(self.folder, "session")
        traces = []
        for option in ("-sess_out", "-sess_in"):
            trace = self.trace_path()
            client = Child("openssl", "s_client", "-connect", "127.0.0.1:" + self.port_of(both, server_options, option),
                           *both, *client_options, option, session, env=self.environment(self.configuration, trace))
            with client:
                client.say("meter reading 42\n")
                self.server.read_until("meter reading 42")
                self.server.say("valve open 7\n")
                client.read_until("valve open 7")  # and with it the tickets of TLS 1.3
                client.say("Q\n")
                self.assertEqual(client.process.wait(LIMIT_S), 0)
                rest = client.process.stdout.read().decode(errors="replace")
            self.assertIn("New, " if option == "-sess_out" else "Reused, ", client.output + rest)
            traces.append(self.commands(trace))
            self.server.output = ""
        return traces

    def port_of(self, both, server_options, option):
        if option == "-sess_out":  # the second connection goes to the same server
            self.server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", *both, *server_options)
            self.server.__enter__()
            self.addCleanup(self.server.__exit__)
            self.server.read_until("ACCEPT 127.0.0.1:")
            self.server.read_until("\n")
            self.server_port = self.server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
        return self.server_port

    def test_psk(self):
        first, second = self.resume(TLS12, ("-nocert", "-psk", KEY.hex(), "-psk_identity", "device1"),
                                    ("-psk", self.handle, "-psk_identity", "device1", *MODES[0][3]))
        self.assertEqual(len(first), 2, first)
        self.assertEqual(second, [])

    def test_certificates(self):
        pki = Pki(self.folder)
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/CN=localhost", "--card", self.card).stdout
        certificate = pki.sign(csr, "device")
        wrapper = os.path.join(self.folder, "key.pem")
        run(SIMROOT, "device", "wrap-key", "01", wrapper, "--card", self.card)
        for both in (TLS12, TLS13):
            with self.subTest(both=both):
                first, second = self.resume(
                    both, ("-cert", pki.server, "-key", pki.server_key, "-CAfile", pki.ca, "-Verify", "2"),
                    ("-key", wrapper, "-cert", certificate, "-CAfile", pki.ca))
                self.assertEqual(len(first), 3, first)  # COMPUTE SIGNATURE INIT, UPDATE, GET RESPONSE
                self.assertEqual(second, [])


# The last one is for the next handshake: the pair of this one must not stay.
EPHEMERAL = ["GENERATE KEY PAIR", "PUT PUBLIC KEY UPDATE", "COMPUTE DH", "GENERATE KEY PAIR"]


class KeyExchangeOnTheCard(PskCase):
    def setUp(self):
        self.first = self.write("ecdhe.cnf", ("simroot", "default"), settings="ecdhe = card\n")
        self.preferred = self.write("ecdhe-default-first.cnf", properties="?provider=simroot",
                                    settings="ecdhe = card\n")

    def test_p256_goes_to_the_card(self):
        for configuration in (self.first, self.preferred):
            for both, options, last in ((TLS12, suite("ECDHE-PSK-AES128-CBC-SHA256"), "COMPUTE PRF"), (TLS13, (), None)):
                with self.subTest(configuration=os.path.basename(configuration), both=both):
                    trace = self.talk(configuration, both, ("-groups", "P-256"), ("-groups", "P-256", *options))
                    computed = self.computed(trace)
                    self.assertEqual([name for name in computed if name in EPHEMERAL], EPHEMERAL)
                    self.assertIn(last or "COMPUTE HKDF", computed)

    def test_other_groups_stay_in_software(self):
        for group in ("X25519", "P-384"):
            with self.subTest(group=group):
                trace = self.talk(self.first, TLS13, ("-groups", group), ("-groups", group))
                self.assertEqual(self.computed(trace), ["COMPUTE HKDF"])

    def test_off_unless_told(self):
        configuration = self.write("plain-first.cnf", ("simroot", "default"))
        trace = self.talk(configuration, TLS13, ("-groups", "P-256"), ("-groups", "P-256"))
        self.assertEqual(self.computed(trace), ["COMPUTE HKDF"])

    def test_a_second_handshake_meanwhile_is_done_in_software(self):
        server, port = self.start_server(*TLS13, "-groups", "P-256:X25519")
        trace = self.trace_path()
        # The first holds the place on the card: its server has not answered yet.
        with Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-nocert", "-psk", KEY.hex(),
                   "-psk_identity", "device1") as silent:
            silent.read_until("ACCEPT 127.0.0.1:")
            silent.read_until("\n")
            silent_port = silent.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
            silent.process.send_signal(secrets_test.signal.SIGSTOP)
            waiting = os.path.join(self.folder, "waiting.trace")
            with Child(*self.client_command(silent_port, *TLS13, "-groups", "P-256"),
                       env=self.environment(self.first, waiting)) as first:
                end = time.monotonic() + LIMIT_S
                while "COMPUTE HKDF" not in self.computed(waiting):
                    self.assertLess(time.monotonic(), end)
                    time.sleep(0.01)
                with Child(*self.client_command(port, *TLS13, "-groups", "P-256"),
                           env=self.environment(self.first, trace)) as second:
                    second.say("meter reading 42\n")
                    server.read_until("meter reading 42")
                self.assertEqual(self.computed(trace), ["COMPUTE HKDF"])
                silent.process.send_signal(secrets_test.signal.SIGCONT)
                first.say("meter reading 43\n")
                silent.read_until("meter reading 43")
            self.assertEqual([name for name in self.computed(waiting) if name in EPHEMERAL], EPHEMERAL)

    def test_a_pair_of_the_card_is_not_exported(self):
        result = run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "group:P-256", check=False,
                     env=self.environment(self.first))
        self.assertNotIn("PRIVATE KEY", result.stdout)
        self.assertNotEqual(result.returncode, 0)


class SeedOfTheCard(PskCase):
    SECTION = "seed = SEED-SRC\nseed_properties = provider=simroot\n"

    def test_random_numbers_are_seeded_with_the_cards(self):
        configuration = self.write("random.cnf", settings="random = card\n", random=self.SECTION)
        trace = self.trace_path()
        first = run("openssl", "rand", "-hex", "32", env=self.environment(configuration, trace)).stdout
        self.assertIn("GET RANDOM", self.computed(trace))
        second = run("openssl", "rand", "-hex", "32", env=self.environment(configuration)).stdout
        self.assertRegex(first, "^[0-9a-f]{64}\n$")
        self.assertNotEqual(first, second)
        trace = self.talk(configuration, *MODES[0][1:4])
        self.assertIn("GET RANDOM", self.computed(trace))

    def test_without_a_card_the_systems_is_used(self):
        configuration = self.write("random-none.cnf", settings="random = card\n", random=self.SECTION, mode="-none")
        self.assertRegex(run("openssl", "rand", "-hex", "32", env=self.environment(configuration)).stdout,
                         "^[0-9a-f]{64}\n$")

    def test_off_unless_told(self):
        trace = self.trace_path()
        run("openssl", "rand", "-hex", "32", env=self.environment(self.configuration, trace))
        self.assertEqual(self.commands(trace), [])


class Commands(PskCase):
    """`simroot device psk-handle` and `selftest --psk`."""

    def test_handle(self):
        self.assertEqual(self.handle, "73696d726f6f742d70736b0101660000")
        result = run(SIMROOT, "device", "psk-handle", "label=psk", "--card", self.card)
        self.assertEqual(result.stdout, "73696d726f6f742d70736b0101060000\n")
        self.assertIn("selftest --psk", result.stderr)
        for ref, words in (("07", "not a pre-shared key"), ("77", "does not exist")):
            result = run(SIMROOT, "device", "psk-handle", ref, "--card", self.card, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertEqual(result.stdout, "")
            self.assertIn(words, result.stderr)

    def test_selftest(self):
        good = run(SIMROOT, "device", "selftest", "66", "--psk", "--card", self.card,
                   env=self.environment(self.configuration))
        self.assertIn("uses the card", good.stdout)
        self.assertEqual(good.stdout.count("ok  "), 5)
        self.assertNotIn("stays on the card", good.stdout)
        deep = run(SIMROOT, "device", "selftest", "66", "--psk", "--card", self.card,
                   env=self.environment(self.write("deep.cnf", settings="psk = deep\n")))
        self.assertEqual(deep.stdout.count("ok  "), 5)
        self.assertIn("the early secret stays on the card (psk = deep)", deep.stdout)
        for configuration, words in ((self.write("none.cnf", ("default",)), "`simroot`"),
                                     (self.write("no-properties.cnf", properties=None),
                                      "default_properties is missing in openssl.cnf")):
            bad = run(SIMROOT, "device", "selftest", "66", "--psk", "--card", self.card, check=False,
                      env=self.environment(configuration))
            self.assertEqual(bad.returncode, 1)
            self.assertIn(words, bad.stdout)
            self.assertIn("does NOT use the card", bad.stdout)
        self.assertIn("default_properties = ?simroot.psk=yes", bad.stdout)


if __name__ == "__main__":
    unittest.main()
