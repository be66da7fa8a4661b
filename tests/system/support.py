# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: the built programs, working folders, processes that always end, throw-away PKI."""
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

BUILD = os.environ["SIMROOT_BUILD"]  # set by ctest
SIMROOT = os.path.join(BUILD, "bin", "simroot")
MODULES = os.path.join(BUILD, "lib", "ossl-modules")
LIMIT_S = 30  # for anything that a test waits for


def clean_environment(extra=None):
    """This process's environment without settings of a user's own, and without OpenSSL's system configuration."""
    names = ("SIMROOT_", "OPENSSL_", "XDG_", "PKCS11_", "SSL_")
    env = {k: v for k, v in os.environ.items() if not k.startswith(names)}
    env["OPENSSL_CONF"] = "/dev/null"
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(extra or {})
    return env


def run(*command, env=None, check=True, text=None, cwd=None):
    """Runs a program to its end. With `check`, anything but status 0 fails the test with its output."""
    result = subprocess.run(command, env=env or clean_environment(), input=text, capture_output=True, text=True,
                            timeout=LIMIT_S, cwd=cwd)
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}")
    return result


class Child:
    """A running program whose output is collected; ended when the with block ends."""

    def __init__(self, *command, env=None, cwd=None, stdin=subprocess.PIPE):
        self.command = command
        self.output = ""
        self.reader = None
        self.process = subprocess.Popen(command, env=env or clean_environment(), cwd=cwd, stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        if self.reader is not None:
            self.reader.join(5)
        self.process.stdout.close()
        if self.process.stdin:
            self.process.stdin.close()

    def read_until(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.output:
            if self.reader is not None:
                ended = not self.reader.is_alive()
                if ended and text not in self.output or time.monotonic() > end:
                    raise AssertionError(f"{self.command} did not say {text!r}; it said:\n{self.output}")
                time.sleep(0.01)
                continue
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                raise AssertionError(f"{self.command} did not say {text!r}; it said:\n{self.output}")
            self.output += chunk.decode(errors="replace")
        return self.output

    def drain(self):
        """From now on the output is read as it comes: who writes much is never kept waiting by a full pipe."""
        self.reader = threading.Thread(target=self._read_all, daemon=True)
        self.reader.start()

    def _read_all(self):
        try:
            while chunk := os.read(self.process.stdout.fileno(), 65536):
                self.output += chunk.decode(errors="replace")
        except (OSError, ValueError):
            pass  # it was closed: the program has ended

    def say(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port):
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Pki:
    """A throw-away CA with a server certificate for localhost, all in one folder."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = os.path.join(folder, "ca.pem")
        self.ca_key = os.path.join(folder, "ca.key")
        self.server = os.path.join(folder, "server.pem")
        self.server_key = os.path.join(folder, "server.key")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
        run("openssl", "req", "-x509", *key, "-subj", "/CN=test CA", "-keyout", self.ca_key, "-out", self.ca,
            "-addext", "basicConstraints=critical,CA:TRUE")
        run("openssl", "req", "-x509", *key, "-subj", "/CN=localhost", "-keyout", self.server_key, "-out",
            self.server, "-CA", self.ca, "-CAkey", self.ca_key, "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")

    def sign(self, csr_pem, name, san=None):
        """Signs a request; returns the certificate's path."""
        csr = os.path.join(self.folder, name + ".csr")
        out = os.path.join(self.folder, name + ".pem")
        with open(csr, "w", encoding="ascii") as file:
            file.write(csr_pem)
        extensions = os.path.join(self.folder, name + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("basicConstraints=critical,CA:FALSE\n" + (f"subjectAltName={san}\n" if san else ""))
        run("openssl", "x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days",
            "2", "-sha256", "-extfile", extensions, "-out", out)
        return out


class CardTestCase(unittest.TestCase):
    """A virtual SIM in an emulated modem, with its certificate in file 02, and a device configured to use it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.card_file = os.path.join(cls.folder, "sim.card")
        cls.port = os.path.join(cls.folder, "modem")
        cls.card = "at:" + cls.port
        cls.make_card()
        cls.pki = Pki(cls.folder)
        csr = run(SIMROOT, "device", "csr", "01", "--subject", "/O=simroot test/CN=localhost",
                  "--card", "sim:" + cls.card_file).stdout
        cls.certificate = cls.pki.sign(csr, "device", "DNS:localhost,IP:127.0.0.1")
        run(SIMROOT, "card", "put-file", cls.card_file, "02", cls.certificate)
        cls.modem = Child(SIMROOT, "card", "run", cls.card_file, "--modem", cls.port)
        cls.modem.__enter__()
        cls.addClassCleanup(cls.modem.__exit__)
        cls.modem.read_until("modem on")
        cls.configuration = cls.write_configuration(cls.card)
        cls.device = clean_environment({"OPENSSL_CONF": cls.configuration,
                                        "SIMROOT_CACHE": os.path.join(cls.folder, "cache")})
        cls.wrapper = os.path.join(cls.folder, "key.pem")
        run(SIMROOT, "device", "wrap-key", "01", cls.wrapper, "--card", cls.card)

    @classmethod
    def make_card(cls):
        run(SIMROOT, "card", "create", cls.card_file)

    @classmethod
    def write_configuration(cls, card, order=("default", "simroot"), name="openssl.cnf"):
        """An openssl.cnf that activates both providers in the given order."""
        path = os.path.join(cls.folder, name)
        sections = {"default": "activate = 1\n",
                    "simroot": f"module = {MODULES}/simroot.so\ncard = {card}\nactivate = 1\n"}
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nproviders = provs\n[provs]\n")
            file.write("".join(f"{provider} = {provider}_section\n" for provider in order))
            file.write("".join(f"[{provider}_section]\n{sections[provider]}" for provider in order))
        return path
