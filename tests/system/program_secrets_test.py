# SPDX-License-Identifier: Apache-2.0
"""Programs of the device are stopped while their connection is open, after the SIM has signed for it: neither in their
memory nor in any file of the device is the private key. That the search would find it is shown on the modem's process
and the SIM's file, where it has to be."""
import base64
import os
import pwd
import re
import shutil
import socket
import ssl
import threading
import time
import unittest

from howto import blocks_of
from issuer import Issuer
from secrets_test import SCALAR, forms, memory_of
from support import BUILD, LIMIT_S, CardTestCase, Child, free_port, run

MODULE = os.path.join(BUILD, "lib", "libsimroot-pkcs11.so")


class HoldingServer:
    """An HTTPS server that wants a client certificate, and keeps its first client waiting for the answer."""

    def __init__(self, pki):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki.server, pki.server_key)
        context.load_verify_locations(pki.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self.context = context
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.client = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT_S)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go_on.set()
        self.thread.join()
        self.listener.close()

    def serve(self):
        raw, _ = self.listener.accept()
        raw.settimeout(LIMIT_S)
        with self.context.wrap_socket(raw, server_side=True) as connection:
            self.client = dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]
            connection.recv(4096)
            self.asked.set()
            self.go_on.wait(LIMIT_S)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")


class ProgramSecrets(CardTestCase):
    @classmethod
    def make_card(cls):
        issuer = Issuer(cls.card_file)
        issuer.run(issuer.load_private_key(b"\1", SCALAR))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        text = run("openssl", "x509", "-noout", "-text", "-in", cls.certificate).stdout
        point = re.search(r"pub:\n((?: +[0-9a-f:]+\n)+)", text).group(1)
        cls.public_x = bytes.fromhex(re.sub("[^0-9a-f]", "", point))[1:33]
        cls.device["SIMROOT_CARD"] = cls.card
        cls.device["HOME"] = cls.folder

    @staticmethod
    def count(process, value):
        return sum(part.count(value) + part.count(value[::-1]) for part in memory_of(process))

    def assert_process_has_no_key(self, process):
        self.assertGreater(self.count(process, self.public_x), 0, "a search that finds nothing proves nothing")
        self.assertEqual(self.count(process, SCALAR), 0)

    def assert_files_have_no_key(self):
        searched = 0
        own = (os.path.basename(self.card_file), os.path.basename(self.card_file) + ".csv")
        for folder, _, names in os.walk(self.folder):
            for name in names:
                if name.startswith(own) or not os.path.isfile(os.path.join(folder, name)):
                    continue
                with open(os.path.join(folder, name), "rb") as file:
                    content = file.read()
                searched += 1
                for form in (SCALAR, SCALAR[::-1], base64.b64encode(SCALAR)[:40],
                             *(text.encode() for text in forms(SCALAR))):
                    self.assertNotIn(form, content, name)
        self.assertGreater(searched, 5)

    def test_the_search_finds_the_key_where_it_is(self):
        run("openssl", "dgst", "-sha256", "-sign", self.wrapper, "-out", os.path.join(self.folder, "signature"),
            self.certificate, env=self.device)
        self.assertGreater(self.count(self.modem.process, SCALAR), 0)
        with open(self.card_file, "rb") as file:
            self.assertIn(SCALAR, file.read())
        planted = os.path.join(self.folder, "planted")
        with open(planted, "w", encoding="ascii") as file:
            file.write("key: " + SCALAR.hex())
        with self.assertRaises(AssertionError):
            self.assert_files_have_no_key()
        os.remove(planted)

    def hold(self, *command, env=None):
        """Runs an HTTPS client of `localhost:PORT` and searches it while it waits for the answer."""
        with HoldingServer(self.pki) as server:
            client = Child(*(word.replace("PORT", str(server.port)) for word in command), env=env or self.device,
                           cwd=self.folder)
            with client:
                self.assertTrue(server.asked.wait(LIMIT_S), client.output)
                self.assertEqual(server.client, "localhost")
                self.assert_process_has_no_key(client.process)
                server.go_on.set()
                client.read_until("hello")
        self.assert_files_have_no_key()

    def test_curl(self):
        self.hold("curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", self.pki.ca, "--cert",
                  self.certificate, "--key", self.wrapper, "https://localhost:PORT/")

    def test_openssl(self):
        with HoldingServer(self.pki) as server:
            client = Child("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-key", "iotsafe:01", "-cert",
                           "iotsafe:02", "-CAfile", self.pki.ca, "-quiet", env=self.device)
            with client:
                client.say("GET / HTTP/1.0\r\n\r\n")
                self.assertTrue(server.asked.wait(LIMIT_S), client.output)
                self.assert_process_has_no_key(client.process)
                server.go_on.set()
                client.read_until("hello")
        self.assert_files_have_no_key()

    def test_mosquitto_pub(self):
        port = free_port()
        configuration = os.path.join(self.folder, "broker.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"listener {port} 127.0.0.1\ncafile {self.pki.ca}\ncertfile {self.pki.server}\n"
                       f"keyfile {self.pki.server_key}\nrequire_certificate true\nuse_identity_as_username true\n"
                       f"user {pwd.getpwuid(os.getuid()).pw_name}\n")
        with Child("/usr/sbin/mosquitto", "-v", "-c", configuration) as broker:
            broker.read_until("running")
            client = Child("mosquitto_pub", "-h", "localhost", "-p", str(port), "--cafile", self.pki.ca, "--cert",
                           self.certificate, "--key", self.wrapper, "-t", "meter", "-l", env=self.device)
            with client:
                client.say("42\n")
                broker.read_until("u'localhost'")
                broker.read_until("Received PUBLISH")
                self.assert_process_has_no_key(client.process)
        self.assert_files_have_no_key()

    def start_sshd(self):
        """A server that lets in whoever has the key in the SIM; returns what all clients are told of it."""
        folder = os.path.join(self.folder, "ssh")
        os.mkdir(folder, 0o700)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder + "/host_key")
        keys = run("ssh-keygen", "-D", MODULE, env=self.device).stdout
        with open(folder + "/authorized_keys", "w", encoding="ascii") as file:
            file.write(keys)
        port = free_port()
        with open(folder + "/host_key.pub", encoding="ascii") as file, \
                open(folder + "/known_hosts", "w", encoding="ascii") as known:
            known.write(f"[localhost]:{port} {file.read()}")
        with open(folder + "/sshd_config", "w", encoding="ascii") as file:
            file.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\n"
                       f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPasswordAuthentication no\n"
                       "KbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # as Debian's service does
        server = Child("/usr/sbin/sshd", "-D", "-e", "-f", folder + "/sshd_config")
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.addCleanup(shutil.rmtree, folder)
        server.read_until("Server listening")
        return server, ["ssh", "-F", "none", "-p", str(port), "-o", "BatchMode=yes", "-o",
                        f"UserKnownHostsFile={folder}/known_hosts", "-o", "IdentityFile=none"]

    def test_ssh(self):
        server, ssh = self.start_sshd()
        with Child(*ssh, "-I", MODULE, "localhost", "cat", env=self.device) as client:
            client.say("are you there\n")
            client.read_until("are you there")
            self.assertIn("Accepted publickey", server.read_until("Accepted publickey"))
            self.assert_process_has_no_key(client.process)
        self.assert_files_have_no_key()

    def test_ssh_agent(self):
        server, ssh = self.start_sshd()
        agent_socket = os.path.join(self.folder, "ssh", "agent")
        askpass = os.path.join(self.folder, "ssh", "askpass")  # the agent asks for a PIN, and there is none
        with open(askpass, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho\n")
        os.chmod(askpass, 0o700)
        with Child("ssh-agent", "-D", "-a", agent_socket, "-P", os.path.realpath(MODULE), env=self.device) as agent:
            agent.read_until("SSH_AUTH_SOCK")
            wait_for_file(agent_socket)
            env = dict(self.device, SSH_AUTH_SOCK=agent_socket, SSH_ASKPASS=askpass, SSH_ASKPASS_REQUIRE="force")
            run("ssh-add", "-s", os.path.realpath(MODULE), env=env)
            run(*ssh, "localhost", "true", env=env)
            server.read_until("Accepted publickey")
            helpers = children_of(agent.process.pid)
            self.assertEqual(len(helpers), 1, "the agent has one child, which loads the module")
            self.assert_process_has_no_key(helpers[0])
            self.assertEqual(self.count(agent.process, SCALAR), 0)
        self.assert_files_have_no_key()

    def test_java(self):
        """The program of docs/howto/java.md."""
        program = re.search("<<'END'\n(.*?)^END$", "".join(block.text for block in blocks_of("java")),
                            re.MULTILINE | re.DOTALL).group(1)
        with HoldingServer(self.pki) as server:
            with open(os.path.join(self.folder, "Client.java"), "w", encoding="ascii") as file:
                file.write(program.replace('"ca.pem"', f'"{self.pki.ca}"').replace("localhost:4433",
                                                                                    f"localhost:{server.port}"))
            with open(os.path.join(self.folder, "sim.cfg"), "w", encoding="ascii") as file:
                file.write(f"name = simroot\nlibrary = {MODULE}\nslotListIndex = 0\n")
            with Child("java", "Client.java", env=self.device, cwd=self.folder) as client:
                self.assertTrue(server.asked.wait(LIMIT_S), client.output)
                self.assertEqual(server.client, "localhost")
                self.assert_process_has_no_key(client.process)
        self.assert_files_have_no_key()


def wait_for_file(path):
    end = time.monotonic() + LIMIT_S
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise AssertionError(f"{path} does not appear")
        time.sleep(0.02)


class Process:
    """A process that somebody else started."""

    def __init__(self, pid):
        self.pid = pid


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [Process(int(child)) for child in file.read().split()]


if __name__ == "__main__":
    unittest.main(verbosity=2)
