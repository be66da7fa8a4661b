# SPDX-License-Identifier: Apache-2.0
"""Installs headers, libraries and packages into a folder, moves it, and builds and runs the examples against it as their
users do: by the command in the first comment of each, and as a CMake project."""
import os
import re
import shutil
import sys
import tempfile
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "system"))

from card_factory import CardFactory  # noqa: E402
from support import BUILD, MODULES, Child, clean_environment, run  # noqa: E402


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        stage = os.path.join(cls.folder, "stage")
        run("cmake", "--install", BUILD, "--prefix", "/opt/simroot", "--component", "development",
            env=clean_environment({"DESTDIR": stage}))
        cls.prefix = os.path.join(cls.folder, "moved")
        shutil.move(os.path.join(stage, "opt", "simroot"), cls.prefix)
        cls.env = clean_environment({"PKG_CONFIG_PATH": os.path.join(cls.prefix, "lib", "pkgconfig"),
                                     "LD_LIBRARY_PATH": os.path.join(cls.prefix, "lib"),
                                     "OPENSSL_MODULES": MODULES,
                                     "SIMROOT_CACHE": os.path.join(cls.folder, "cache")})
        cls.factory = CardFactory(cls.folder)
        cls.card = cls.factory.make("sim.card")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def build(self, name):
        """Runs the build command that the example's first comment gives."""
        with open(os.path.join(SOURCE, "examples", "c", name + ".c"), encoding="utf-8") as file:
            command = re.search(r"^ \*   (cc .*)$", file.read(), re.MULTILINE).group(1)
        program = self.path(name)
        command = command.replace(f" {name}.c", f" {SOURCE}/examples/c/{name}.c").replace(f"-o {name} ",
                                                                                          f"-o {program} ")
        run("sh", "-c", command + " -Wall -Wextra -Werror", env=self.env)
        return program

    def check_signature(self, program):
        signature = self.path("signature.der")
        said = run(program, "sim:" + self.card, "01", self.factory.pki.ca, signature, env=self.env).stdout
        self.assertIn("verified by OpenSSL", said)
        key = self.path("public.pem")
        with open(key, "w", encoding="ascii") as file:
            file.write(run("openssl", "x509", "-in", self.factory.certificate, "-noout", "-pubkey").stdout)
        run("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, self.factory.pki.ca)
        self.assertEqual(run("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature,
                             self.factory.pki.ca_key, check=False).returncode, 1)
        wrong = run(program, "sim:" + self.card, "77", self.factory.pki.ca, signature, env=self.env, check=False)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("private key 77", wrong.stderr)
        self.assertEqual(run(program, check=False, env=self.env).returncode, 2)

    def test_sign_file(self):
        self.check_signature(self.build("sign_file"))

    def test_tls_client(self):
        program = self.build("tls_client")
        linked = run("ldd", program, env=self.env).stdout
        self.assertNotIn("simroot", linked)
        pki = self.factory.pki
        for protocol, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pki.server, "-key", pki.server_key,
                           "-CAfile", pki.ca, "-Verify", "2", "-verify_return_error", "-rev", protocol)
            with server:
                server.read_until("ACCEPT 127.0.0.1:")
                server.read_until("\n")
                port = server.output.split("ACCEPT 127.0.0.1:")[1].split()[0]
                said = run(program, "sim:" + self.card, "localhost", port, pki.ca, env=self.env).stdout
                self.assertRegex(said, f"^{re.escape(name)} with .*, key in the SIM; answer: 24 gnidaer retem")
                server.read_until("CN = localhost")
        gone = run(program, "at:" + self.path("none"), "localhost", "1", pki.ca, env=self.env, check=False)
        self.assertEqual(gone.returncode, 1)
        self.assertIn("none", gone.stderr)

    def test_mbedtls_client_builds(self):
        program = self.build("mbedtls_client")
        self.assertIn(self.prefix, run("ldd", program, env=self.env).stdout)
        self.assertEqual(run(program, check=False, env=self.env).returncode, 2)

    def test_telemetry_server_builds(self):
        source = os.path.join(SOURCE, "examples", "telemetry", "telemetry.cpp")
        with open(source, encoding="utf-8") as file:
            command = re.search(r"^//   (c\+\+ .*)$", file.read(), re.MULTILINE).group(1)
        program = self.path("telemetry")
        command = command.replace(" telemetry.cpp", " " + source).replace("-o telemetry", "-o " + program)
        run("sh", "-c", command + " -Wall -Wextra -Werror", env=self.env)
        self.assertIn(self.prefix, run("ldd", program, env=self.env).stdout)
        self.assertIn("usage: telemetry", run(program, check=False, env=self.env).stderr)

    def test_cmake_package(self):
        build = self.path("build")
        run("cmake", "-S", os.path.join(self.prefix, "share", "doc", "simroot", "examples", "cmake"), "-B", build,
            "-DCMAKE_PREFIX_PATH=" + self.prefix, env=self.env)
        run("cmake", "--build", build, env=self.env)
        self.check_signature(os.path.join(build, "sign_file"))
        self.assertEqual(run(os.path.join(build, "mbedtls_client"), check=False, env=self.env).returncode, 2)
        for version, wanted in (("9.0", False), ("0.1", True)):
            project = self.path("wants-" + version)
            os.mkdir(project)
            with open(os.path.join(project, "CMakeLists.txt"), "w", encoding="ascii") as file:
                file.write("cmake_minimum_required(VERSION 3.16)\nproject(p LANGUAGES C)\n"
                           f"find_package(Simroot {version} REQUIRED)\n")
            made = run("cmake", "-S", project, "-B", project + "/build", "-DCMAKE_PREFIX_PATH=" + self.prefix,
                       env=self.env, check=False)
            self.assertEqual(made.returncode == 0, wanted, made.stderr)

    def test_services_start_the_program_of_the_prefix_they_are_installed_with(self):
        stage = self.path("services")
        for prefix in ("/usr", "/opt/simroot"):
            run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "Unspecified",
                env=clean_environment({"DESTDIR": stage}))
            for name, command in (("carded", "carded\n"), ("platform", "platform serve --dir /var/lib/simroot-platform\n"),
                                  ("agent", "server agent "), ("switch-on", "device switch-on ")):
                with open(f"{stage}{prefix}/lib/systemd/system/simroot-{name}.service", encoding="utf-8") as file:
                    unit = file.read()
                self.assertIn(f"\nExecStart={prefix}/bin/simroot {command}", unit)
                self.assertIn(f"\nDocumentation=file://{prefix}/share/doc/simroot/", unit)
                self.assertIn("\nSystemCallFilter=~@privileged @resources\n", unit)
            self.assertTrue(os.path.exists(f"{stage}{prefix}/bin/simroot"))

    def test_what_is_installed(self):
        files = sorted(os.path.relpath(os.path.join(place, name), self.prefix)
                       for place, _, names in os.walk(self.prefix) for name in names)
        for file in ("include/simroot/simroot.h", "include/simroot/mbedtls.h", "lib/libsimroot.so", "lib/libsimroot.so.0",
                     "lib/libsimroot-mbedtls.so.0", "include/simroot/server.h", "include/simroot/server.hpp",
                     "lib/libsimroot-server.so", "lib/libsimroot-server.so.0", "lib/pkgconfig/simroot-server.pc",
                     "share/doc/simroot/examples/telemetry/telemetry.cpp", "lib/pkgconfig/simroot.pc", "lib/pkgconfig/simroot-mbedtls.pc",
                     "lib/cmake/Simroot/SimrootConfig.cmake", "lib/cmake/Simroot/SimrootConfigVersion.cmake",
                     "share/doc/simroot/examples/c/sign_file.c"):
            self.assertIn(file, files)
        self.assertFalse([file for file in files if file.startswith("include") and not file.endswith((".h", ".hpp"))])
        for name in files:
            if name.endswith((".pc", ".cmake")):
                with open(os.path.join(self.prefix, name), encoding="utf-8") as file:
                    text = file.read()
                self.assertNotIn("/opt/simroot", text, name)
                self.assertNotIn(SOURCE, text, name)
        # The adapter finds the C API beside it, wherever both are.
        adapter = os.path.join(self.prefix, "lib", "libsimroot-mbedtls.so.0")
        env = {key: value for key, value in self.env.items() if key != "LD_LIBRARY_PATH"}
        self.assertIn(os.path.join(self.prefix, "lib", "libsimroot.so.0"), run("ldd", adapter, env=env).stdout)


if __name__ == "__main__":
    unittest.main()
