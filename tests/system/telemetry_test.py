# SPDX-License-Identifier: Apache-2.0
"""The sample telemetry server with a platform, devices with their key in a SIM, and the programs that they use."""
import os
import shutil
import subprocess
import tempfile
import unittest

from mqtt_parts import Device, enrol
from platform_test import Platform
from support import BUILD, Child, Pki, clean_environment, run

PROGRAMS = os.path.join(BUILD, "test-bin")


def coap_post(text, number=1):
    """A confirmable POST to /telemetry."""
    return bytes([0x41, 0x02, number >> 8, number & 0xFF, 0x77, 0xB9]) + b"telemetry" + b"\xff" + text.encode()


class Telemetry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.pki = Pki(cls.folder)
        cls.platform = Platform(cls.folder).start()
        cls.addClassCleanup(lambda: cls.platform.stop())
        cls.devices = 0
        cls.servers = 0

    def device(self, profile="blank"):
        type(self).devices += 1
        device = Device(self.platform, self.folder, self.devices, profile, name=f"meter-{self.devices}", modem=False)
        self.addCleanup(device.end)
        return device

    def enrolled(self):
        """A server that knows nothing yet: its first snapshot has every device there is."""
        type(self).servers += 1
        return enrol(self.platform, self.folder, f"telemetry-{self.servers}")

    def serve(self, identity=None):
        server = Child(os.path.join(PROGRAMS, "examples", "telemetry"), identity or self.enrolled(), self.pki.server,
                       self.pki.server_key, "127.0.0.1", "0", "0")
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.read_until("coaps on port ")
        server.read_until("\n")
        words = [line for line in server.output.splitlines() if "https on port" in line][0].replace(",", "").split()
        server.https, server.coaps = words[3], words[7]
        return server

    def curl(self, server, text, *options, env=None, check=True):
        return run("curl", "-sS", "--cacert", self.pki.ca, "--data", text, *options,
                   f"https://localhost:{server.https}/telemetry", env=env, check=check)

    def curl_of(self, device, server, text, *options, check=True):
        key = device.path("key.pem")
        return self.curl(server, text, "--cert", key, "--key", key, *options, env=device.environment, check=check)

    def s_client(self, device, port, *options):
        return Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, "-CAfile", self.pki.ca, "-quiet", *options,
                     env=device.environment)

    def expect_message(self, server, device, text):
        server.read_until(f'{{"device":"{self.name_of(device)}","iccid":"{device.iccid}","message":"{text}"}}\n')

    @staticmethod
    def name_of(device):
        return "meter-" + device.folder.rsplit("-", 1)[1]

    def end_credential(self, device, verb):
        self.platform.ask("credential", verb, str(device.credential()["id"]))

    def expect_dropped(self, server, device, client):
        server.read_until(f'"iccid":"{device.iccid}","event":"dropped"}}\n')
        client.process.wait(30)

    def test_https(self):
        device = self.device()
        server = self.serve()
        for version in ("1.2", "1.3"):
            self.curl_of(device, server, "reading " + version, "--tls-max", version)
            self.expect_message(server, device, "reading " + version)
        self.curl_of(device, server, 'a "quoted" line\n')
        self.expect_message(server, device, "a \\u0022quoted\\u0022 line\\u000a")
        nobody = self.curl(server, "x", check=False)
        self.assertNotEqual(nobody.returncode, 0)
        stranger = self.curl(server, "x", "--cert", self.pki.server, "--key", self.pki.server_key, check=False)
        self.assertNotEqual(stranger.returncode, 0)
        server.read_until("no_credential")
        server.read_until("foreign_certificate")
        self.assertNotIn('"message":"x"', server.output)

    def test_https_is_dropped_when_the_device_is_revoked(self):
        device = self.device()
        server = self.serve()
        with self.s_client(device, server.https, "-key", "iotsafe:label=tls", "-cert",
                           "iotsafe:label=tls;type=cert") as client:
            client.say("POST /telemetry HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
            client.read_until("204 No Content")
            self.expect_message(server, device, "hello")
            self.end_credential(device, "revoke")
            self.expect_dropped(server, device, client)
        self.assertNotEqual(self.curl_of(device, server, "again", check=False).returncode, 0)
        server.read_until("revoked")
        self.assertNotIn('"message":"again"', server.output)

    def test_coaps_with_a_pre_shared_key(self):
        device = self.device("type2")
        server = self.serve()
        options = ("-dtls", "-psk", device.handle, "-psk_identity", device.identity, "-cipher", "kPSK")
        with self.s_client(device, server.coaps, *options) as client:
            client.process.stdin.write(coap_post("42 kWh"))
            client.process.stdin.flush()
            self.expect_message(server, device, "42 kWh")
            client.process.stdin.write(coap_post("43 kWh", 2))
            client.process.stdin.flush()
            self.expect_message(server, device, "43 kWh")
            self.end_credential(device, "suspend")
            server.read_until(f'"iccid":"{device.iccid}","event":"dropped"}}\n')
        with self.s_client(device, server.coaps, *options) as client:
            client.process.stdin.write(coap_post("44 kWh", 3))
            client.process.stdin.flush()
            # DTLS tells nobody of a wrong key: the client goes on asking.
            server.read_until("suspended")
        self.assertNotIn('"message":"44', server.output)

    def test_coaps_by_coap_client(self):
        device = self.device()
        server = self.serve()
        run("coap-client-openssl", "-m", "post", "-e", "by libcoap", "-c", device.path("key.pem"), "-j",
            device.path("key.pem"), "-R", self.pki.ca, "-B", "10", f"coaps://localhost:{server.coaps}/telemetry",
            env=device.environment)
        self.expect_message(server, device, "by libcoap")

    def test_devices_are_served_while_the_platform_is_away(self):
        device = self.device()
        identity = self.enrolled()
        self.serve(identity).__exit__()  # there is a local copy now
        self.platform.stop()
        try:
            server = self.serve(identity)
            self.curl_of(device, server, "on its own")
            self.expect_message(server, device, "on its own")
        finally:
            self.platform.restart()

    def test_the_c_api(self):
        device = self.device()
        run(os.path.join(PROGRAMS, "capi_server_test"), self.enrolled(), self.pki.server, self.pki.server_key)
        self.assertTrue(device.iccid)

    def test_wrong_arguments(self):
        program = os.path.join(PROGRAMS, "examples", "telemetry")
        for words in ((), (self.folder, self.pki.server, self.pki.server_key, "127.0.0.1", "0", "0"),
                      (self.enrolled(), self.pki.ca_key, self.pki.server_key, "127.0.0.1", "0", "0")):
            done = subprocess.run([program, *words], env=clean_environment(), capture_output=True, text=True, timeout=30,
                                  check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("telemetry: ", done.stderr)


if __name__ == "__main__":
    unittest.main()
