# SPDX-License-Identifier: Apache-2.0
"""exit_search finds what processes leave behind, and nothing else; the search behind the pages of docs/howto fails when
there is something to find, and when it has not looked."""
import base64
import contextlib
import functools
import io
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

import howto
from exit_search import NOT_PERMITTED, PRIVATE_KEY, ExitSearch, Searched, files_with, forms, values_of_card
from page_search import PageSearch
from support import LIMIT_S, SIMROOT, clean_environment, run

# What it does with the secret is its argument. The secret stands nowhere in the program.
SUBJECT = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* what;
static int Is(const char* name) { return strcmp(what, name) == 0; }

static unsigned char* Secret(void) {
  unsigned char* memory = malloc(4096);
  for (int i = 0; i < 32; ++i) memory[1000 + i] = (unsigned char)(i * 37 + 11);
  return memory;
}

// In a mapping of its own, across the place where a search by megabytes has to begin anew.
static void AcrossAMegabyte(void) {
  size_t mega = 1 << 20, page = 4096;
  unsigned char* memory = mmap(0, 3 * mega + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(memory + page, 3 * mega, PROT_READ | PROT_WRITE);
  memset(memory + page, 1, 3 * mega);
  unsigned char* secret = Secret();
  memcpy(memory + page + 2 * mega - 13, secret + 1000, 32);
  explicit_bzero(secret, 4096);
}

static void* Thread(void* unused) {
  if (Is("in a thread that another one ends")) {
    Secret();
    kill(getpid(), SIGUSR1);
  }
  static int threads;
  if (Is("in the last thread") && __sync_add_and_fetch(&threads, 1) == 3) {
    usleep(100000);
    Secret();
    _exit(0);  // two at once would kill each other, and nobody can look at what is killed
  }
  pause();
  return unused;
}

int main(int count, char** arguments) {
  what = count > 1 ? arguments[1] : "nothing";
  if (Is("in the heap")) Secret();
  if (Is("in freed heap")) free(Secret());
  if (Is("across a megabyte")) AcrossAMegabyte();
  if (Is("wiped")) {
    unsigned char* memory = Secret();
    explicit_bzero(memory, 4096);
    free(memory);
  }
  if (Is("sends and wipes") || Is("writes and wipes") || Is("sends often")) {
    int ends[2];
    if ((Is("writes and wipes") ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) != 0) return 1;
    unsigned char* memory = Secret();
    if (write(ends[1], "x", 1) != 1) return 1;
    explicit_bzero(memory, 4096);
    if (write(ends[1], "y", 1) != 1) return 1;
    for (int i = 0; Is("sends often") && i < 20; ++i) write(ends[1], "z", 1);
  }
  if (Is("before exec")) {
    Secret();
    execl(arguments[0], arguments[0], "after", (char*)0);
  }
  if (Is("wiped before exec")) {
    explicit_bzero(Secret(), 4096);
    execl(arguments[0], arguments[0], "after", (char*)0);
  }
  if (Is("in a child") && fork() == 0) {
    Secret();
    return 0;
  }
  if (Is("in a thread that another one ends") || Is("in the last thread")) {
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals, 0);
    pthread_t thread;
    for (int i = 0; i < 3; ++i) pthread_create(&thread, 0, Thread, 0);
    if (Is("in the last thread")) pthread_exit(0);
    sigwait(&signals, &number);
  }
  if (Is("killed")) {
    Secret();
    kill(getpid(), SIGKILL);
  }
  while (wait(0) > 0) continue;
  return Is("status 3") ? 3 : 0;
}
"""
SECRET = bytes((i * 37 + 11) % 256 for i in range(32))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="simroot-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        reason = ExitSearch(cls.folder, [SECRET]).why_not()
        if reason:
            raise unittest.SkipTest(reason)

    def search(self, *command, secrets=(SECRET,)):
        search = ExitSearch(self.folder, secrets)
        self.result = subprocess.run(search.command(*command), capture_output=True, text=True, timeout=LIMIT_S,
                                     check=False, env=clean_environment())
        return search.searched()


class Processes(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = os.path.join(cls.folder, "subject")
        with open(cls.subject + ".c", "w", encoding="ascii") as file:
            file.write(SUBJECT)
        run("cc", "-O1", "-fno-builtin", "-pthread", "-o", cls.subject, cls.subject + ".c")

    def searched(self, what):
        return [(process.occasion, process.argument, process.found) for process in self.search(self.subject, what)]

    def test_left_behind(self):
        for what in ("in the heap", "in freed heap", "across a megabyte", "in a thread that another one ends",
                     "in the last thread"):
            with self.subTest(what=what):
                self.assertEqual(self.searched(what), [("exit", what, [(0, "bytes")])])

    def test_not_left_behind(self):
        for what in ("nothing", "wiped"):
            with self.subTest(what=what):
                self.assertEqual(self.searched(what), [("exit", what, [])])

    def test_only_before_exec(self):
        self.assertEqual(self.searched("before exec"),
                         [("exec", "before exec", [(0, "bytes")]), ("exit", "after", [])])
        self.assertEqual(self.searched("wiped before exec"), [("exec", "wiped before exec", []), ("exit", "after", [])])

    def test_only_in_a_child(self):
        what = "in a child"
        self.assertEqual(self.searched(what), [("exit", what, [(0, "bytes")]), ("exit", what, [])])

    def test_only_while_it_works(self):
        """Whoever wipes a key before the end has it when it sends something over a socket, to a file does not count."""
        what = "sends and wipes"
        self.assertEqual(self.searched(what), [("send", what, [(0, "bytes")]), ("send", what, []), ("exit", what, [])])
        self.assertEqual(self.searched("writes and wipes"), [("exit", "writes and wipes", [])])
        self.assertEqual([occasion for occasion, *_ in self.searched("sends often")], ["send"] * 8 + ["exit"])

    def test_killed(self):
        """Kernels differ in whether they let a process be looked at that is killed. It must not look clean."""
        process = self.search(self.subject, "killed")[0]
        self.assertTrue(process.bytes is None or process.found == [(0, "bytes")], process)
        self.assertEqual(self.result.returncode, 128 + 9)

    def test_another_secret_is_not_found(self):
        changed = bytes([SECRET[0], SECRET[1] ^ 1, *SECRET[2:]])
        for secret in (changed, SECRET[:-1] + bytes([SECRET[-1] ^ 1]), SECRET + b"\0\1"):
            self.assertEqual(self.search(self.subject, "in the heap", secrets=[secret])[0].found, [])
        self.assertEqual(self.search(self.subject, "in the heap", secrets=[changed, SECRET[5:21]])[0].found,
                         [(1, "bytes")])

    def test_status_is_the_commands(self):
        for what, status in (("nothing", 0), ("status 3", 3)):
            self.searched(what)
            self.assertEqual(self.result.returncode, status)
        self.assertEqual(self.search("no-such-command"), [])
        self.assertEqual(self.result.returncode, 127)

    def test_forms(self):
        pem = base64.encodebytes(b"something before the key" + SECRET)
        for text, form in ((SECRET.hex(), "hex"), (SECRET.hex().upper(), "hex"), (pem.decode(), "base64"),
                           (base64.b64encode(b"x" + SECRET).decode(), "base64"),
                           (base64.b64encode(b"xy" + SECRET).decode(), "base64")):
            for before in range(8):
                found = self.search("sh", "-c", f"true '{' ' * before}{text}'")[0].found
                self.assertEqual(found, [(0, form)], f"{before} {text}")
        self.assertEqual(self.search(self.subject, "in the heap", secrets=[SECRET[::-1]])[0].found, [(0, "reversed")])


class Signals(Case):
    def shell(self, script):
        self.search("bash", "--norc", "-c", script)
        return self.result.stdout.split()

    def test_a_signal_reaches_its_process(self):
        self.assertEqual(self.shell("trap 'echo got it' USR1; kill -USR1 $$; echo goes on"), "got it goes on".split())
        self.assertEqual(self.shell("sh -c 'kill -TERM $$'; echo $?"), ["143"])

    def test_job_control(self):
        """A stopped process stays so until it is told to go on, and its parent hears of both."""
        self.assertEqual(self.shell("set -m; sh -c 'kill -STOP $$; exit 5' & wait %1; echo $?; jobs -s | wc -l;"
                                    "kill -CONT %1; wait %1; echo $?"), [str(128 + 19), "1", "5"])

    def test_what_outlives_the_command_is_searched(self):
        found = self.search("bash", "--norc", "-c", "(sleep 0.2; exit 1) & exit 4")
        self.assertIn("sleep", [process.executable for process in found])
        self.assertEqual(self.result.returncode, 4)


class Refusals(Case):
    def test_ptrace_is_not_permitted(self):
        """A process that is looked at already cannot be looked at by somebody else."""
        inner, outer = ExitSearch(tempfile.mkdtemp(dir=self.folder), [SECRET]), ExitSearch(self.folder, [SECRET])
        result = subprocess.run(outer.command(*inner.command("echo", "has run")), capture_output=True, text=True,
                                timeout=LIMIT_S, check=False)
        self.assertEqual(result.returncode, NOT_PERMITTED)
        self.assertIn("ptrace is not permitted", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_needles(self):
        for text in ("", "00112233445566\n", "0011223344556677a\n", "this is no secret\n", SECRET.hex() + "\n\n"):
            search = ExitSearch(self.folder, [])
            with open(search.needles, "w", encoding="ascii") as file:
                file.write(text)
            result = subprocess.run(search.command("true"), capture_output=True, text=True, timeout=LIMIT_S, check=False)
            self.assertEqual(result.returncode, 125, text)
            self.assertRegex(result.stderr, "in hexadecimal")
        self.assertEqual(search.searched(), [])


class Cards(Case):
    def test_values_are_the_cards(self):
        card = os.path.join(self.folder, "sim.card")
        run(SIMROOT, "card", "create", card)
        scalar = values_of_card(card)[PRIVATE_KEY, b"\1"]
        der = bytes.fromhex("30310201010420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
        ours = subprocess.run(["openssl", "ec", "-inform", "DER", "-pubout"], input=der, capture_output=True,
                              check=True, env=clean_environment()).stdout.decode()
        theirs = run(SIMROOT, "device", "public-key", "01", "--card", "sim:" + card).stdout
        self.assertEqual(ours.split(), theirs.split())

    def test_files(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        contents = [*forms(SECRET), b"ab" + SECRET, base64.encodebytes(b"some forty bytes that stand before the key" + SECRET),
                    b"nothing", SECRET[:15], SECRET[:-1] + b"\0"]
        for number, content in enumerate(contents):
            with open(os.path.join(folder, str(number)), "wb") as file:
                file.write(content)
        found, count = files_with([SECRET], folder)
        self.assertEqual(count, len(contents))
        self.assertEqual(sorted(map(int, found)), list(range(len(contents) - 3)))


class Pages(Case, howto.PagesTestCase):
    """The search of a page, with something to find."""

    @classmethod
    def setUpClass(cls):
        Case.setUpClass.__func__(cls)
        howto.PagesTestCase.setUpClass.__func__(cls)

    def page_search(self, page, **more):
        search = PageSearch(page, self.device, os.path.join(self.stranger, "sim.card"), **more)
        self.addCleanup(search.close)
        return search

    def test_something_that_is_in_the_memory_is_found(self):
        text = run("openssl", "x509", "-noout", "-serial", "-in", os.path.join(self.device, "device.pem")).stdout
        serial = bytes.fromhex(re.search("serial=(.*)", text).group(1))
        with mock.patch.object(howto, "PageSearch", functools.partial(PageSearch, more_keys=[serial])):
            with self.assertRaisesRegex(AssertionError, "curl: a key of the SIM is in the memory of curl"):
                self.run_page("curl")

    def test_a_file_with_a_key_is_found(self):
        search = self.page_search("curl")
        search.check_files()
        planted = os.path.join(self.device, "planted")
        self.addCleanup(os.remove, planted)
        with open(planted, "w", encoding="ascii") as file:
            file.write("key: " + search.keys[0].hex())
        with self.assertRaisesRegex(AssertionError, r"in these files: \['planted'\]"):
            search.check_files()

    def test_a_machine_without_ptrace_leaves_the_search_out_and_says_so(self):
        with mock.patch.object(ExitSearch, "why_not", return_value="ptrace is not permitted"), \
                contextlib.redirect_stderr(io.StringIO()) as said:
            search = self.page_search("curl")
            self.run_page("curl")
        self.assertIsNone(search.memory)
        self.assertIn("curl: memory is not searched. ptrace is not permitted", said.getvalue())

    def test_what_fails_a_page(self):
        search = self.page_search("psk")
        present, psk = len(search.keys), search.psk_number
        at_work = f"openssl\ts_client\tsend\t1000\t{present}:hex"
        at_end = "openssl\ts_client\texit\t1000\t"
        for line, words in ((f"openssl\ts_server\texit\t1000\t{psk}:bytes", None),
                            (f"bash\t--noprofile\texec\t1000\t{psk}:hex", None),
                            (f"bash\t--noprofile\texec\t1000\t{psk}:bytes", "in the memory of bash"),
                            (f"openssl\ts_client\texit\t1000\t{psk}:hex", "in the memory of openssl s_client"),
                            (f"openssl\ts_server\texit\t1000\t{1 - min(psk, 1)}:bytes", "in the memory of openssl s_s"),
                            ("grep\t-a\texit\tnot searched\t", "could not be searched")):
            with self.subTest(line=line):
                if words:
                    with self.assertRaisesRegex(AssertionError, words):
                        search.check_memory([Searched(at_work), Searched(at_end), Searched(line)])
                else:
                    search.check_memory([Searched(at_work), Searched(at_end), Searched(line)])
        for lines, words in (([], "not searched at its end"),
                             ([at_work], "not searched at its end"),
                             ([at_work, at_end.replace("s_client", "s_server")], "not searched at its end"),
                             ([at_end], "found what must be there"),
                             ([at_end, at_work.replace("send", "exit")], "found what must be there"),
                             ([at_end, at_work.replace("s_client", "s_server")], "found what must be there"),
                             ([at_end, at_work.replace(f"{present}:hex", "")], "found what must be there")):
            with self.subTest(lines=lines), self.assertRaisesRegex(AssertionError, words):
                search.check_memory(list(map(Searched, lines)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
