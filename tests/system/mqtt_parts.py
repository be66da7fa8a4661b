# SPDX-License-Identifier: Apache-2.0
"""What the tests of the mosquitto plugin share: devices with their key in a SIM, the broker, MQTT spoken by hand."""
import json
import os
import pwd
import struct
import subprocess
import threading
import time

from support import BUILD, LIMIT_S, MODULES, SIMROOT, Child, clean_environment, free_port, run, wait_for_port

PLUGIN = os.path.join(BUILD, "lib", "simroot_mosquitto.so")
PASSWORD = "correct horse"


def enrol(platform, folder, name, tenant="default"):
    """The directory of a new application server's identity."""
    invitation = platform.ask("server", "invite", name, "--tenant", tenant)["token"]
    directory = os.path.join(folder, name)
    run(SIMROOT, "server", "enrol", "--platform", platform.url, "--ca", platform.ca, "--token-file", "-", "--dir",
        directory, text=invitation + "\n")
    return directory


class Device:
    """A virtual SIM that the platform has given its credential, and programs that use its key."""

    def __init__(self, platform, folder, number, profile="blank", name=None, modem=True, daemon=False, tenant="default"):
        self.platform = platform
        self.folder = os.path.join(folder, f"device-{number}")
        os.mkdir(self.folder)
        self.file = self.path("card")
        self.children = []
        keys = self.path("keys.csv")
        made = run(SIMROOT, "card", "create", self.file, "--profile", profile, "--json", "--export-keys", keys)
        self.iccid = json.loads(made.stdout)["iccid"]
        platform.ask("card", "import", keys, "--tenant", tenant)
        if name:
            platform.ask("device", "name", self.iccid, name)
        self.card = "sim:" + self.file
        if modem:
            self.card = "at:" + self.path("modem")
            self.children.append(Child(SIMROOT, "card", "run", self.file, "--modem", self.path("modem")))
            self.children[-1].read_until("modem on")
        if daemon:  # a SIM has three channels, which is not enough for several programs at once
            self.children.append(Child(SIMROOT, "carded", "--card", self.card, "--socket", self.path("socket")))
            self.children[-1].read_until("serving at:")
            self.card = "unix:" + self.path("socket")
        self.environment = clean_environment({"OPENSSL_CONF": self.configuration(),
                                              "SIMROOT_CACHE": self.path("cache")})
        self.psk = profile == "type2"
        try:
            self.switch_on()
        except BaseException:
            self.end()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def configuration(self):
        path = self.path("openssl.cnf")
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nproviders = provs\nalg_section = algorithms\n[provs]\ndefault = d\n"
                       f"simroot = s\n[d]\nactivate = 1\n[s]\nmodule = {MODULES}/simroot.so\ncard = {self.card}\n"
                       "activate = 1\n[algorithms]\ndefault_properties = ?simroot.psk=yes\n")
        return path

    def simroot(self, *words):
        return run(SIMROOT, "device", *words, "--card", self.card, env=self.environment).stdout.strip()

    def switch_on(self):
        self.simroot("switch-on", "--platform", self.platform.url, "--ca", self.platform.ca)
        self.read_credential()

    def read_credential(self):
        if self.psk:
            self.handle = self.simroot("psk-handle", "label=tls")
            self.identity = self.simroot("read-file", "label=psk-identity")
        else:
            run(SIMROOT, "device", "wrap-key", "label=tls", self.path("key.pem"), "--cert", "label=tls",
                "--card", self.card, env=self.environment)

    def credential(self, state="active"):
        found = self.platform.credentials(self.iccid, state)
        return found[0] if found else None

    def mqtt_options(self, broker):
        port = ["-h", "localhost", "-p", str(broker.psk_port if self.psk else broker.certificate_port)]
        if self.psk:
            return [*port, "--psk", self.handle, "--psk-identity", self.identity, "--ciphers", "kECDHEPSK:kPSK"]
        return [*port, "--cafile", broker.pki.ca, "--cert", self.path("key.pem"), "--key", self.path("key.pem")]

    def publish(self, broker, payload, topic=None, check=True):
        """mosquitto_pub with the key in the SIM."""
        return run("mosquitto_pub", *self.mqtt_options(broker), "-q", "1", "-t", topic or self.topic(), "-m", payload,
                   env=self.environment, check=check)

    def topic(self, rest="t"):
        return f"devices/{self.iccid}/{rest}"

    def commands(self, rest="go"):
        return f"commands/{self.iccid}/{rest}"

    def wire(self, broker, *options):
        if self.psk:
            return Wire(broker.psk_port, "-psk", self.handle, "-psk_identity", self.identity, "-cipher",
                        "kECDHEPSK:kPSK", "-tls1_2", *options, env=self.environment)
        return Wire(broker.certificate_port, "-key", "iotsafe:label=tls", "-cert", "iotsafe:label=tls;type=cert",
                    "-CAfile", broker.pki.ca, *options, env=self.environment)

    def end(self):
        for child in reversed(self.children):
            child.__exit__()


class Wire:
    """A TLS connection by openssl s_client that speaks MQTT; `ended` is the moment when the broker's end was seen."""

    def __init__(self, port, *options, env=None):
        self.process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", *options],
                                        env=env or clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.received = b""
        self.said = ""
        self.ended = None
        self.condition = threading.Condition()
        self.level = 4
        self.threads = [threading.Thread(target=self.read_packets), threading.Thread(target=self.read_words)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def read_packets(self):
        while True:
            chunk = os.read(self.process.stdout.fileno(), 65536)
            with self.condition:
                if chunk:
                    self.received += chunk
                else:
                    self.ended = time.monotonic()
                self.condition.notify_all()
            if not chunk:
                return

    def read_words(self):
        while chunk := os.read(self.process.stderr.fileno(), 65536):
            self.said += chunk.decode(errors="replace")

    def send(self, kind, body):
        size = len(body)
        length = b""
        while True:
            size, digit = divmod(size, 128)
            length += bytes([digit | (0x80 if size else 0)])
            if not size:
                break
        try:
            self.process.stdin.write(bytes([kind]) + length + body)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the broker has ended it; the test sees that when it reads

    @staticmethod
    def text(value):
        data = value.encode()
        return struct.pack(">H", len(data)) + data

    def packet(self, limit=LIMIT_S):
        """The next packet as (first byte, body); None when the connection has ended."""
        with self.condition:
            end = time.monotonic() + limit
            while True:
                if len(self.received) >= 2:
                    size, shift, at = 0, 0, 1
                    while at < len(self.received):
                        size |= (self.received[at] & 0x7F) << shift
                        shift, at = shift + 7, at + 1
                        if not self.received[at - 1] & 0x80:
                            if len(self.received) >= at + size:
                                packet = self.received[0], self.received[at:at + size]
                                self.received = self.received[at + size:]
                                return packet
                            break
                if self.ended is not None:
                    return None
                if not self.condition.wait(max(0.0, end - time.monotonic())):
                    raise AssertionError(f"nothing came from the broker; s_client said: {self.said}")

    def connect(self, client_id, will=None, clean=True, level=4):
        """The result of CONNECT: 0 accepted; None when the connection ended instead."""
        self.level = level
        flags = (0x02 if clean else 0) | (0x04 if will else 0)
        body = self.text("MQTT") + bytes([level, flags]) + struct.pack(">H", 600)
        none = b"\0" if level == 5 else b""
        body += none + self.text(client_id)
        if will:
            body += none + self.text(will[0]) + self.text(will[1])
        self.send(0x10, body)
        answer = self.packet()
        return None if answer is None else answer[1][1]

    def publish(self, topic, payload, number=1, retain=False):
        """The reason code of the PUBACK (MQTT 5), 0 before; None when the connection ended."""
        properties = b"\0" if self.level == 5 else b""
        self.send(0x32 | retain, self.text(topic) + struct.pack(">H", number) + properties + payload.encode())
        answer = self.packet()
        if answer is None:
            return None
        assert answer[0] == 0x40, answer
        return answer[1][2] if len(answer[1]) > 2 else 0

    def subscribe(self, pattern, number=1):
        """The granted quality of service; 0x80 and above: refused."""
        properties = b"\0" if self.level == 5 else b""
        self.send(0x82, struct.pack(">H", number) + properties + self.text(pattern) + b"\x01")
        answer = self.packet()
        return None if answer is None else answer[1][-1]

    def message(self, limit=LIMIT_S):
        """The next message that is delivered, as (topic, payload). MQTT 3.1.1 only."""
        kind, body = self.packet(limit)
        assert kind & 0xF0 == 0x30, (kind, body)
        size = struct.unpack(">H", body[:2])[0]
        return body[2:2 + size].decode(), body[2 + size + (2 if kind & 0x06 else 0):].decode()

    def is_alive(self):
        """Whether the broker still answers."""
        self.send(0xC0, b"")
        answer = self.packet()
        return answer is not None and answer[0] == 0xD0

    def wait_for_end(self, limit=LIMIT_S):
        with self.condition:
            if not self.condition.wait_for(lambda: self.ended is not None, limit):
                raise AssertionError("the broker did not end the connection")
            return self.ended


class Broker:
    """mosquitto with the plugin: a listener for certificates, one for PSK, one for a backend with a password."""

    def __init__(self, folder, pki, identity, cafile, options=(), lines=()):
        self.folder = folder
        self.pki = pki
        self.certificate_port, self.psk_port, self.plain_port = free_port(), free_port(), free_port()
        self.file = os.path.join(folder, f"mosquitto-{self.plain_port}.conf")
        self.metrics = os.path.join(folder, f"metrics-{self.plain_port}.prom")
        passwords = os.path.join(folder, "passwords")
        if not os.path.exists(passwords):
            run("mosquitto_passwd", "-b", "-c", passwords, "backend", PASSWORD)
        user = pwd.getpwuid(os.getuid()).pw_name
        with open(self.file, "w", encoding="ascii") as file:
            file.write("\n".join([
                "per_listener_settings false", f"password_file {passwords}", "allow_anonymous false", f"user {user}",
                "log_type all", "connection_messages true", *lines,
                f"plugin {PLUGIN}", f"plugin_opt_directory {identity}", "plugin_opt_others allow",
                f"plugin_opt_metrics_file {self.metrics}", *options,
                f"listener {self.certificate_port} 127.0.0.1", f"cafile {cafile}", f"certfile {pki.server}",
                f"keyfile {pki.server_key}", "require_certificate true",
                f"listener {self.psk_port} 127.0.0.1", "psk_hint devices", "use_identity_as_username true",
                f"listener {self.plain_port} 127.0.0.1", ""]))
        self.process = None

    def start(self):
        self.process = Child("/usr/sbin/mosquitto", "-c", self.file)
        self.process.read_until(" running\n")
        wait_for_port(self.plain_port)
        return self

    def stop(self):
        if self.process is not None:
            self.process.__exit__()
            self.process = None

    def backend(self, program, *words):
        return [program, "-h", "127.0.0.1", "-p", str(self.plain_port), "-u", "backend", "-P", PASSWORD, "-q", "1", *words]

    def tell(self, topic, payload, *words):
        run(*self.backend("mosquitto_pub", "-t", topic, "-m", payload, *words))

    def listen(self, topic="devices/#", name="listener"):
        """A backend's subscription; each message is a line "topic payload"."""
        listener = Child(*self.backend("mosquitto_sub", "-t", topic, "-i", name, "-c", "-F", "%t %p"))
        self.process.read_until(f"Sending SUBACK to {name}\n")
        return listener
