# SPDX-License-Identifier: Apache-2.0
"""Unmodified programs of the system, configured by openssl.cnf alone, use the key in the SIM over the modem's port."""
import os
import re
import subprocess
import textwrap
import unittest

from support import SIMROOT, CardTestCase, Child, clean_environment, free_port, run, wait_for_port

CLIENT_NAME = "CN = localhost"


class Programs(CardTestCase):
    def start_server(self, *options):
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pki.server, "-key",
                       self.pki.server_key, "-CAfile", self.pki.ca, "-Verify", "2", "-verify_return_error", *options)
        server.__enter__()
        self.addCleanup(server.__exit__)
        server.read_until("ACCEPT 127.0.0.1:")
        server.read_until("\n")
        return server, server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]

    def handshake(self, protocol, name, env, key="iotsafe:01", certificate="iotsafe:02"):
        server, port = self.start_server(protocol)
        client = Child("openssl", "s_client", "-connect", "127.0.0.1:" + port, protocol, "-key", key, "-cert",
                       certificate, "-CAfile", self.pki.ca, "-verify_return_error", env=env)
        with client:
            client.read_until("Verify return code: 0 (ok)")
            self.assertIn(name, client.output)
            client.say("meter reading 42\n")
            server.read_until("meter reading 42")
            self.assertIn(CLIENT_NAME, server.output)

    def test_openssl_s_client_with_every_protocol_and_provider_order(self):
        other_order = self.write_configuration(self.card, ("simroot", "default"), "simroot-first.cnf")
        for configuration in (self.configuration, other_order):
            env = dict(self.device, OPENSSL_CONF=configuration)
            for protocol, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3"), ("-dtls1_2", "DTLSv1.2")):
                with self.subTest(configuration=os.path.basename(configuration), protocol=protocol):
                    self.handshake(protocol, name, env)

    def test_openssl_s_client_with_the_wrapper_file(self):
        self.handshake("-tls1_3", "TLSv1.3", self.device, self.wrapper, self.certificate)

    def test_openssl_req_dgst_and_cms(self):
        request = run("openssl", "req", "-new", "-key", "iotsafe:01", "-subj", "/CN=x", env=self.device).stdout
        self.assertIn("verify OK", run("openssl", "req", "-verify", "-noout", text=request).stderr)
        text = os.path.join(self.folder, "text")
        with open(text, "w", encoding="ascii") as file:
            file.write("to be signed\n")
        public = os.path.join(self.folder, "public.pem")
        run("openssl", "pkey", "-in", "iotsafe:01", "-pubout", "-out", public, env=self.device)
        for digest in ("-sha256", "-sha384", "-sha512"):
            signature = os.path.join(self.folder, "signature")
            run("openssl", "dgst", digest, "-sign", "iotsafe:01", "-out", signature, text, env=self.device)
            run("openssl", "dgst", digest, "-verify", public, "-signature", signature, text)
        with open(text, "a", encoding="ascii") as file:
            file.write("altered\n")
        self.assertNotEqual(
            run("openssl", "dgst", "-sha512", "-verify", public, "-signature", signature, text, check=False).returncode,
            0)
        signed = os.path.join(self.folder, "signed.pem")
        run("openssl", "cms", "-sign", "-nodetach", "-in", text, "-signer", self.certificate, "-inkey", "iotsafe:01", "-outform",
            "PEM", "-out", signed, env=self.device)
        run("openssl", "cms", "-verify", "-in", signed, "-inform", "PEM", "-CAfile", self.pki.ca, "-purpose", "any")

    def test_private_key_cannot_be_written(self):
        result = run("openssl", "pkey", "-in", "iotsafe:01", env=self.device, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotIn("PRIVATE KEY", result.stdout)

    def test_curl(self):
        for protocol in ("--tlsv1.2", "--tlsv1.3"):
            _, port = self.start_server("-www")
            page = run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", protocol,
                       "--tls-max", protocol[-3:], "--resolve", f"localhost:{port}:127.0.0.1", "--cacert",
                       self.pki.ca, "--cert", self.certificate, "--key", self.wrapper, f"https://localhost:{port}/",
                       env=self.device).stdout
            self.assertRegex(page, "CN ?= ?localhost")
            self.assertIn("TLSv" + protocol[-3:], page)

    def test_curl_without_the_configuration_fails_cleanly(self):
        _, port = self.start_server("-www")
        result = run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--resolve",
                     f"localhost:{port}:127.0.0.1", "--cacert", self.pki.ca, "--cert", self.certificate, "--key",
                     self.wrapper, f"https://localhost:{port}/", check=False)
        self.assertEqual(result.returncode, 58, result.stderr)  # problem with the local certificate

    def test_python_ssl_in_threads_and_forked_children(self):
        _, port = self.start_server("-naccept", "100")
        script = textwrap.dedent("""
            import os, socket, ssl, sys, threading
            port, ca, cert, key = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
            context = ssl.create_default_context(cafile=ca)
            context.load_cert_chain(cert, key)
            def connect():
                with socket.create_connection(("127.0.0.1", port), timeout=25) as raw:
                    with context.wrap_socket(raw, server_hostname="localhost") as tls:
                        tls.sendall(b"hello\\n")
                        return tls.version()
            print(connect())
            failures = []
            def worker():
                try:
                    connect()
                except Exception as error:
                    failures.append(error)
            threads = [threading.Thread(target=worker) for _ in range(4)]
            [t.start() for t in threads]; [t.join() for t in threads]
            assert not failures, failures
            children = []
            for _ in range(3):
                pid = os.fork()
                if pid == 0:
                    try:
                        connect(); os._exit(0)
                    except Exception as error:
                        print(error, flush=True); os._exit(1)
                children.append(pid)
            assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
            print("threads and children done")
        """)
        result = run("/usr/bin/python3", "-c", script, port, self.pki.ca, self.certificate, self.wrapper,
                     env=self.device)
        self.assertIn("TLSv1.3", result.stdout)
        self.assertIn("threads and children done", result.stdout)


class Nginx(CardTestCase):
    def start_nginx(self, server_block, name):
        """nginx as a person would start it: it decodes the key, forks a master, and that a worker, which signs."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        configuration = os.path.join(folder, "nginx.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(textwrap.dedent(f"""
                user root;
                worker_processes 2;
                pid {folder}/nginx.pid;
                error_log {folder}/error.log notice;
                env SIMROOT_CACHE={self.folder}/cache;
                events {{ worker_connections 64; }}
                http {{
                  access_log off;
                  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                  server {{ {server_block} }}
                }}
            """))
        nginx = subprocess.Popen(["nginx", "-p", folder, "-c", configuration, "-g", "daemon off;"], env=self.device,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def stop():
            nginx.terminate()
            try:
                nginx.wait(10)
            except subprocess.TimeoutExpired:
                nginx.kill()
                nginx.wait(5)
            nginx.stderr.close()
        self.addCleanup(stop)
        return folder

    def get(self, url, *options):
        return run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "20", "--resolve",
                   f"localhost:{url.split(':')[2].split('/')[0]}:127.0.0.1", *options, url, check=False)

    def test_client_certificate_to_an_upstream(self):
        upstream = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", self.pki.server, "-key",
                         self.pki.server_key, "-CAfile", self.pki.ca, "-Verify", "2", "-verify_return_error")
        with upstream:
            upstream.read_until("ACCEPT 127.0.0.1:")
            upstream.read_until("\n")
            upstream_port = upstream.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
            port = free_port()
            folder = self.start_nginx(f"""
                listen 127.0.0.1:{port};
                location / {{
                  proxy_pass https://127.0.0.1:{upstream_port}/;
                  proxy_ssl_certificate {self.certificate};
                  proxy_ssl_certificate_key {self.wrapper};
                  proxy_ssl_trusted_certificate {self.pki.ca};
                  proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on;
                  proxy_ssl_protocols TLSv1.2 TLSv1.3;
                }}""", "upstream")
            wait_for_port(port)
            for _ in range(4):
                answer = self.get(f"http://localhost:{port}/")
                self.assertRegex(answer.stdout, "CN ?= ?localhost", self.log(folder))

    def test_server_key(self):
        port = free_port()
        folder = self.start_nginx(f"""
            listen 127.0.0.1:{port} ssl;
            ssl_certificate {self.certificate};
            ssl_certificate_key {self.wrapper};
            ssl_protocols TLSv1.2 TLSv1.3;
            ssl_session_cache off; ssl_session_tickets off;
            location / {{ return 200 "served by $ssl_protocol\\n"; }}""", "server")
        wait_for_port(port)
        for protocol in ("1.2", "1.3", "1.3", "1.2"):
            answer = self.get(f"https://localhost:{port}/", "--cacert", self.pki.ca, "--tls-max", protocol)
            self.assertEqual(answer.stdout, f"served by TLSv{protocol}\n", answer.stderr + self.log(folder))

    @staticmethod
    def log(folder):
        with open(os.path.join(folder, "error.log"), encoding="utf-8") as file:
            return file.read()


class SelftestCommand(CardTestCase):
    def selftest(self, env, *options):
        return run(SIMROOT, "device", "selftest", "--card", self.card, *options, env=env, check=False)

    def test_good_configuration(self):
        result = self.selftest(self.device)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotIn("FAIL", result.stdout)
        self.assertEqual(result.stdout.count("ok    "), 9)
        self.assertIn("PSK handles do not come to the simroot provider; see `selftest --psk`", result.stdout)

    def test_without_the_provider_it_prints_the_configuration(self):
        result = self.selftest(clean_environment())
        self.assertEqual(result.returncode, 1)
        self.assertIn("FAIL  OpenSSL's configuration file names both providers", result.stdout)
        self.assertIn("[simroot_section]", result.stdout)
        self.assertIn("simroot.so", result.stdout)

    def test_each_fault_of_the_configuration_is_named(self):
        with open(self.configuration, encoding="ascii") as file:
            good = file.read()
        faults = [("openssl_conf = init", "", "openssl_conf"), ("providers = provs", "", "providers"),
                  ("default = default_section", "", "default"), ("[simroot_section]", "[simrot_section]", "simroot"),
                  ("simroot.so", "simrot.so", "simrot.so"),
                  (f"card = {self.card}\nactivate = 1", f"card = {self.card}", "activate")]
        for before, after, word in faults:
            with self.subTest(fault=before):
                self.assertIn(before, good)
                path = os.path.join(self.folder, "faulty.cnf")
                with open(path, "w", encoding="ascii") as file:
                    file.write(good.replace(before, after))
                result = self.selftest(dict(self.device, OPENSSL_CONF=path))
                self.assertEqual(result.returncode, 1)
                first_line = result.stdout.split("\n")[0]
                self.assertRegex(first_line, "^FAIL  OpenSSL's configuration file.*" + re.escape(word))
        result = self.selftest(dict(self.device, OPENSSL_CONF=self.folder + "/missing.cnf"))
        self.assertIn("missing.cnf cannot be read", result.stdout)

    def test_card_of_the_configuration_is_used(self):
        result = run(SIMROOT, "device", "selftest", env=self.device, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_configured_for_another_card(self):
        other = os.path.join(self.folder, "other.card")
        run(SIMROOT, "card", "create", other)
        env = dict(self.device, OPENSSL_CONF=self.write_configuration("sim:" + other, name="other.cnf"))
        result = self.selftest(env)
        self.assertEqual(result.returncode, 1)
        self.assertIn("another key", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
