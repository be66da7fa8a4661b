# SPDX-License-Identifier: Apache-2.0
"""The card daemon with real programs, over the emulated modem's port: what a cold process costs, many processes, programs
and daemons that are killed at any moment, modems that are restarted, rights, socket activation."""
import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import unittest

from support import LIMIT_S, SIMROOT, CardTestCase, Child, clean_environment, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEED = 20261122  # of the moments at which something is killed


class DaemonTestCase(CardTestCase):
    """A daemon on the modem's port."""

    def setUp(self):
        self.socket = os.path.join(self.folder, "carded.sock")
        self.uri = "unix:" + self.socket
        self.environment = clean_environment({"XDG_RUNTIME_DIR": os.path.join(self.folder, "run"),
                                              "SIMROOT_CACHE": os.path.join(self.folder, "cache")})
        os.makedirs(self.environment["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)

    def start_daemon(self, *options, wait=True, card=None):
        daemon = Child(SIMROOT, "carded", "--card", card or self.card, "--socket", self.socket, *options,
                       env=self.environment)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__)
        daemon.read_until("serving ")
        if wait:
            self.wait_until_warm()
        return daemon

    def status(self):
        return json.loads(run(SIMROOT, "carded", "--status", self.uri, "--json").stdout)

    def wait_for(self, wanted, what):
        end = time.monotonic() + LIMIT_S
        while True:
            status = self.status()
            if wanted(status):
                return status
            self.assertLess(time.monotonic(), end, f"{what}: {status}")

    def wait_until_warm(self):
        return self.wait_for(lambda s: s["open"] and s["iccid"] and not s["trouble"]
                             and s["channels"] and all(c["clean"] for c in s["channels"]), "the card is ready")

    def sign(self, check=True, **more):
        return run(SIMROOT, "device", "sign", "01", "--card", self.uri, text="hello", check=check,
                   env=self.environment, **more)

    def assert_channels_free(self):
        """Every logical channel of the card can be opened: nothing is left open by anybody."""
        result = run(SIMROOT, "conformance", "--card", self.uri, "--only", "channel", "--json", check=False)
        counts = json.loads(result.stdout)["counts"]
        self.assertGreater(counts["passed"], 0, result.stdout)
        self.assertEqual(counts["failed"], 0, result.stdout)
        skipped = [c["reason"] for c in json.loads(result.stdout)["cases"] if c["verdict"] == "skipped"]
        self.assertFalse([reason for reason in skipped if "logical channel" in reason], result.stdout)


class Cost(DaemonTestCase):
    def test_cold_curl_signs_with_three_apdus(self):
        self.start_daemon()
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", self.pki.server, "-key",
                       self.pki.server_key, "-CAfile", self.pki.ca, "-Verify", "2", "-verify_return_error")
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.read_until("ACCEPT 127.0.0.1:")
        server.read_until("\n")
        port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
        env = dict(self.environment, OPENSSL_CONF=self.write_configuration(self.uri, name="daemon.cnf"))
        wrapper = os.path.join(self.folder, "daemon-key.pem")
        run(SIMROOT, "device", "wrap-key", "01", wrapper, "--card", self.uri, env=env)
        for _ in range(3):
            before = self.status()["exchanges"]
            page = run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--resolve",
                       f"localhost:{port}:127.0.0.1", "--cacert", self.pki.ca, "--cert", self.certificate, "--key",
                       wrapper, f"https://localhost:{port}/", env=env).stdout
            self.assertRegex(page, "CN ?= ?localhost")
            self.assertLessEqual(self.status()["exchanges"] - before, 3)  # INIT, UPDATE, GET RESPONSE

    def test_trace_shows_the_exchanges_and_no_secret(self):
        daemon = self.start_daemon("--trace")
        self.sign()
        value = run(SIMROOT, "device", "random", "16", "--card", self.uri).stdout.strip()
        self.sign()
        self.assertEqual(len(value), 32)
        daemon.read_until("COMPUTE SIGNATURE UPDATE")
        daemon.read_until("GET RANDOM")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(LIMIT_S)
        output = daemon.output + daemon.process.stdout.read().decode()
        self.assertEqual(output.count("COMPUTE SIGNATURE UPDATE"), 2)
        self.assertNotIn(value.upper(), output.upper())

    def test_everything_works_through_the_daemon(self):
        self.start_daemon()
        for command in (("info",), ("list",), ("public-key", "01"), ("read-file", "02", "--pem"), ("random", "40"),
                        ("generate", "04"), ("csr", "01", "--subject", "/CN=x")):
            run(SIMROOT, "device", *command, "--card", self.uri, env=self.environment)
        direct = json.loads(run(SIMROOT, "device", "info", "--card", self.card, "--json").stdout)
        through = json.loads(run(SIMROOT, "device", "info", "--card", self.uri, "--json").stdout)
        self.assertEqual(direct["iccid"], through["iccid"])

    def test_conformance_gives_the_same_result(self):
        results = []
        for card in (self.card, self.uri):
            if card == self.uri:
                self.start_daemon()
            result = json.loads(run(SIMROOT, "conformance", "--card", card, "--json", check=False).stdout)
            results.append((result["grade"], [(c["case"], c["verdict"]) for c in result["cases"]]))
        self.assertEqual(*results)


class ManyProcesses(DaemonTestCase):
    def test_eight_at_once(self):
        self.start_daemon()
        script = 'for i in 1 2 3 4 5 6; do "$0" device sign 01 --card "$1" < /dev/null || exit 1; done'
        children = [subprocess.Popen(["/bin/sh", "-c", script, SIMROOT, self.uri], env=self.environment,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)]
        for child in children:
            out, errors = child.communicate(timeout=120)
            self.assertEqual(child.returncode, 0, errors)
            self.assertEqual(len(out.split()), 6)
        status = self.wait_for(lambda s: s["clients"] == 1 and not s.get("holder"), "all are gone")
        self.assertEqual(status["transactions"] >= 48, True)
        self.assertEqual(len(status["channels"]), 1)

    def test_clients_killed_at_any_moment(self):
        self.start_daemon()
        dice = random.Random(SEED)
        script = 'while :; do "$0" device sign 01 --card "$1" < /dev/null > /dev/null 2>&1; done'
        for _ in range(40):
            child = subprocess.Popen(["/bin/sh", "-c", script, SIMROOT, self.uri], env=self.environment,
                                     start_new_session=True)
            time.sleep(dice.uniform(0.0, 0.08))  # the moment is what is random here; nothing waits for an end
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(LIMIT_S)
        self.sign()
        self.wait_for(lambda s: s["clients"] == 1 and not s.get("holder"), "all are gone")
        self.wait_until_warm()
        self.assert_channels_free()

    def test_transaction_that_lasts_too_long(self):
        self.start_daemon("--limit", "1")
        with socket.socket(socket.AF_UNIX) as slow:
            slow.settimeout(LIMIT_S)
            slow.connect(self.socket)
            slow.sendall(bytes.fromhex("000B010000000000" "5352434401" "0006020000EA6000"))
            with slow.makefile("rb") as replies:
                self.assertEqual(replies.read(7), bytes.fromhex("00020001" "000100"))
            self.sign()
            self.assertEqual(self.status()["taken_away"], 1)


class Accidents(DaemonTestCase):
    def test_daemon_killed_five_times(self):
        dice = random.Random(SEED)
        script = 'while :; do "$0" device sign 01 --card "$1" < /dev/null > /dev/null 2>&1; done'
        for _ in range(5):
            daemon = self.start_daemon()
            child = subprocess.Popen(["/bin/sh", "-c", script, SIMROOT, self.uri], env=self.environment,
                                     start_new_session=True)
            time.sleep(dice.uniform(0.0, 0.2))  # as above
            daemon.process.kill()
            daemon.process.wait(LIMIT_S)
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(LIMIT_S)
            self.assertIn("is not running", self.sign(check=False).stderr)
        self.start_daemon()
        self.sign()
        self.assert_channels_free()

    def test_modem_restarted(self):
        port = os.path.join(self.folder, "other-modem")
        card_file = os.path.join(self.folder, "other.card")
        run(SIMROOT, "card", "create", card_file)

        def start_modem():
            modem = Child(SIMROOT, "card", "run", card_file, "--modem", port)
            modem.__enter__()
            modem.read_until("modem on")
            return modem
        modem = start_modem()
        self.start_daemon(card="at:" + port)
        self.sign()
        modem.__exit__()
        gone = self.sign(check=False)
        self.assertEqual(gone.returncode, 1)
        self.assertIn(self.uri + ": there is no port", gone.stderr)
        self.assertIn("plug the modem in", gone.stderr)
        modem = start_modem()
        self.addCleanup(modem.__exit__)
        status = self.wait_until_warm()
        self.assertGreaterEqual(status["openings"], 2)
        self.sign()
        modem.__exit__()
        modem = start_modem()  # nobody has noticed yet
        self.addCleanup(modem.__exit__)
        self.sign()

    def test_stop_leaves_nothing(self):
        daemon = self.start_daemon()
        self.sign()
        daemon.process.send_signal(signal.SIGHUP)
        self.sign()
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(LIMIT_S), 0)
        self.assertFalse(os.path.exists(self.socket))
        missing = self.sign(check=False)
        self.assertIn("there is no card daemon at " + self.uri, missing.stderr)
        self.assertIn("simroot carded --card", missing.stderr)
        direct = run(SIMROOT, "conformance", "--card", self.card, "--only", "channel", "--json", check=False)
        self.assertNotIn("free logical channel", direct.stdout)


class Misuse(DaemonTestCase):
    def carded(self, *options, env=None):
        return run(SIMROOT, "carded", *options, check=False, env=env or self.environment)

    def test_second_daemon(self):
        daemon = self.start_daemon()
        second = self.carded("--card", self.card, "--socket", self.socket + "2")
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"another card daemon (pid {daemon.process.pid}) owns {self.card}", second.stderr)
        other = self.carded("--card", "at:/dev/no-such-port", "--socket", self.socket)
        self.assertIn("somebody listens on", other.stderr)

    def test_wrong_usage(self):
        for options, words in ((("--socket", self.socket), "no card is given"),
                               (("--card", self.card), "no socket is given"),
                               (("--card", "unix:/x", "--socket", self.socket), "a card daemon cannot own"),
                               (("--card", self.card, "--socket", "/" + "x" * 107), "a socket takes 1 to 107"),
                               (("--card", self.card, "--socket", self.socket, "--mode", "rw"), "is no mode"),
                               (("--card", self.card, "--socket", self.socket, "--group", "no-such"), "there is no group"),
                               (("--status", self.card), "write it as unix:PATH")):
            with self.subTest(options=options):
                result = self.carded(*options)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(words, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)
        long = run(SIMROOT, "device", "info", "--card", "unix:/" + "x" * 107, check=False)
        self.assertEqual(long.returncode, 2)
        self.assertIn("has 108 characters, a socket takes at most 107", long.stderr)

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_no_rights(self):
        self.start_daemon("--mode", "0660", "--group", "daemon")
        self.assertEqual(stat.S_IMODE(os.stat(self.socket).st_mode), 0o660)
        os.chmod(self.folder, 0o755)
        program = os.path.join(self.folder, "simroot")
        shutil.copy(SIMROOT, program)  # the build may be where nobody may read
        os.chmod(program, 0o755)
        result = subprocess.run([program, "device", "info", "--card", self.uri], user="nobody", group="nogroup",
                                extra_groups=[], env=clean_environment({"SIMROOT_CACHE": "/nonexistent"}),
                                capture_output=True, text=True, timeout=LIMIT_S, cwd="/")
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"no rights to use {self.uri}, which is for group daemon", result.stderr)
        self.assertIn("add the user to group daemon and log in again", result.stderr)
        member = subprocess.run([program, "device", "random", "8", "--card", self.uri], user="nobody", group="nogroup",
                                extra_groups=["daemon"], env=clean_environment({"SIMROOT_CACHE": "/nonexistent"}),
                                capture_output=True, text=True, timeout=LIMIT_S, cwd="/")
        self.assertEqual(member.returncode, 0, member.stderr)


LAUNCHER = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_FDS"] = "1"
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServiceManager(DaemonTestCase):
    def test_socket_activation_and_notification(self):
        notify = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(notify)
            manager.settimeout(LIMIT_S)
            daemon = Child(sys.executable, "-c", LAUNCHER, self.socket, SIMROOT, "carded", "--card", self.card,
                           env=dict(self.environment, NOTIFY_SOCKET=notify))
            daemon.__enter__()
            self.addCleanup(daemon.__exit__)
            self.assertEqual(manager.recv(64), b"READY=1")
            self.sign()
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(manager.recv(64), b"STOPPING=1")
            self.assertEqual(daemon.process.wait(LIMIT_S), 0)
            self.assertTrue(os.path.exists(self.socket), "it belongs to the service manager")
            os.unlink(self.socket)

    def test_something_else_is_handed_over(self):
        launcher = LAUNCHER.replace("listener.listen()\n", "")
        result = run(sys.executable, "-c", launcher, self.socket, SIMROOT, "carded", "--card", self.card, check=False,
                     env=self.environment)
        self.assertEqual(result.returncode, 2)
        self.assertIn("handed over something else", result.stderr)
        os.unlink(self.socket)

    @unittest.skipUnless(shutil.which("systemd-socket-activate"), "systemd-socket-activate is not installed")
    def test_systemd_socket_activate(self):
        names = ("XDG_RUNTIME_DIR", "SIMROOT_CACHE")
        passed = [f"--setenv={name}={self.environment[name]}" for name in names]
        activator = Child("systemd-socket-activate", f"--listen={self.socket}", *passed, SIMROOT, "carded", "--card",
                          self.card, env=self.environment)
        activator.__enter__()
        self.addCleanup(activator.__exit__)
        activator.read_until("Listening on")
        self.sign()

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_units(self):
        units = os.path.join(self.folder, "units")
        os.makedirs(units)
        source = os.path.join(ROOT, "packaging", "systemd")
        names = [name for name in os.listdir(source) if name.endswith((".service", ".socket"))]
        self.assertEqual(len(names), 5)
        for name in names:
            with open(os.path.join(source, name), encoding="ascii") as file:
                text = file.read()
            with open(os.path.join(units, name), "w", encoding="ascii") as file:
                file.write(text.replace("/usr/bin/simroot", SIMROOT))
        paths = [os.path.join(units, name) for name in sorted(names)]
        verified = run("systemd-analyze", "verify", "--man=no", *paths, check=False)
        about_us = [line for line in verified.stderr.splitlines() if "simroot" in line]
        self.assertEqual(about_us, [])
        for path in (path for path in paths if path.endswith(".service")):
            security = run("systemd-analyze", "security", "--offline=true", "--threshold=20", path, check=False)
            self.assertEqual(security.returncode, 0, (path, security.stdout[-300:]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
