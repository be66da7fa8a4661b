# SPDX-License-Identifier: Apache-2.0
"""The Mbed TLS example with the key of a SIM behind a modem, against a real server that wants the client's certificate."""
import hashlib
import os
import re
import shutil
import tempfile
import unittest

from issuer import Issuer
from secrets_test import memory_of
from support import BUILD, SIMROOT, CardTestCase, Child, Pki, clean_environment, run

CLIENT = os.path.join(BUILD, "test-bin", "examples", "mbedtls_client")
SCALAR = hashlib.sha256(b"private key of the Mbed TLS test").digest()


class MbedTls(CardTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.card_file = os.path.join(cls.folder, "sim.card")
        cls.port = os.path.join(cls.folder, "modem")
        issuer = Issuer(cls.card_file)
        issuer.run(issuer.load_private_key(b"\1", SCALAR))
        cls.pki = Pki(cls.folder)
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/O=simroot test/CN=device1", "--card",
                  "sim:" + cls.card_file).stdout
        cls.certificate = cls.pki.sign(csr, "device")
        run(SIMROOT, "card", "put-file", cls.card_file, "02", cls.certificate)
        cls.modem = Child(SIMROOT, "card", "run", cls.card_file, "--modem", cls.port, "--trace")
        cls.modem.__enter__()
        cls.addClassCleanup(cls.modem.__exit__)
        cls.modem.read_until("modem on")
        cls.env = clean_environment({"SIMROOT_CACHE": os.path.join(cls.folder, "cache")})

    def server(self, *options, ca=None):
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pki.server, "-key",
                       self.pki.server_key, "-CAfile", ca or self.pki.ca, "-Verify", "2", "-verify_return_error",
                       *options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.read_until("ACCEPT 127.0.0.1:")
        server.read_until("\n")
        return server, server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]

    def client(self, protocol, port, card=None):
        return Child(CLIENT, protocol, card or "at:" + self.port, "localhost", port, self.pki.ca, env=self.env)

    def assert_memory_is_clean(self, process):
        """The public half, which is there, shows that the search would find the private one."""
        text = run("openssl", "x509", "-noout", "-text", "-in", self.certificate).stdout
        point = bytes.fromhex(re.sub("[^0-9a-f]", "", re.search(r"pub:\n((?: +[0-9a-f:]+\n)+)", text).group(1)))
        found = {"public": 0, "private": 0}
        for part in memory_of(process):
            found["public"] += part.count(point[1:33])
            # Mbed TLS keeps numbers with the least significant byte first.
            found["private"] += part.count(SCALAR) + part.count(SCALAR[::-1])
        self.assertGreater(found["public"], 0)
        self.assertEqual(found["private"], 0)

    def handshake(self, protocol, said, *options):
        server, port = self.server(*options)
        with self.client(protocol, port) as client:
            client.read_until("key in the SIM")
            self.assertRegex(client.output, said)
            server.read_until("meter reading 42")
            self.assertIn("CN = device1", server.output)
            self.assert_memory_is_clean(client.process)
            server.say("understood\n")
            client.read_until("answer: understood")
            self.assertEqual(client.process.wait(20), 0)

    def test_tls(self):
        self.handshake("tls", r"^TLSv1\.2 with TLS-ECDHE-ECDSA-", "-tls1_2")
        self.modem.read_until("COMPUTE SIGNATURE")

    def test_tls_with_a_server_that_can_do_more(self):
        self.handshake("tls", r"^TLSv1\.2 with ")

    def test_tls_with_both_digests(self):
        for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
            self.handshake("tls", r"^TLSv1\.2 with ", "-tls1_2", "-cipher", cipher)

    def test_dtls(self):
        self.handshake("dtls", r"^DTLSv1\.2 with TLS-ECDHE-ECDSA-", "-dtls1_2")

    def test_server_that_does_not_know_the_issuer_refuses(self):
        folder = os.path.join(self.folder, "other")
        os.mkdir(folder)
        other = Pki(folder)
        _, port = self.server("-tls1_2", ca=other.ca)
        with self.client("tls", port) as client:
            client.read_until("mbedtls_client: ")
            self.assertEqual(client.process.wait(20), 1)

    def test_server_that_is_not_trusted_is_refused(self):
        folder = os.path.join(self.folder, "impostor")
        os.mkdir(folder)
        impostor = Pki(folder)
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", impostor.server, "-key",
                       impostor.server_key, "-tls1_2")
        with server:
            server.read_until("ACCEPT 127.0.0.1:")
            server.read_until("\n")
            with self.client("tls", server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]) as client:
                client.read_until("X509 - Certificate verification failed")
                self.assertEqual(client.process.wait(20), 1)
        self.assertNotIn("meter reading", server.output)

    def test_modem_that_is_not_there(self):
        with self.client("tls", "1", "at:" + os.path.join(self.folder, "no-modem")) as client:
            client.read_until("no-modem")
            self.assertIn("key 01 of the SIM", client.output)
            self.assertEqual(client.process.wait(20), 1)


if __name__ == "__main__":
    unittest.main()
