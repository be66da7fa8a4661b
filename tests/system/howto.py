# SPDX-License-Identifier: Apache-2.0
"""Runs the pages of docs/howto as a reader would: every ```sh block of a page, in order, in one shell; every line of a
```text block must appear in the output of the block before it, in order. "..." in a line stands for anything, spaces
count as one. A program in the background writes at any moment and would tear the lines of another one, so each has a
terminal of its own: the lines of one program are in order, in which order two programs speak is not asked.

A block that begins with ```sh client is the device's part. It is run twice more, each time on a device that the server
must not accept, while the page's servers go on running: with all files of the device but another SIM in the modem, and
with a SIM, key file and certificate of a stranger who has a CA of his own. Neither may give the output that the page
promises. What a person sees with another SIM stands in the block ```text refused, and that is checked too.

Whatever a page with a block of the device runs is searched for the keys of the SIMs, in memory and files (page_search.py).
The pre-shared key is not the published one for that: its bytes count from 0 to 15, as tables in any program do.
"""
import hashlib
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from issuer import Issuer
from page_search import PageSearch
from support import BUILD, LIMIT_S, SIMROOT, Child, clean_environment

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "howto")
PUBLISHED_PSK = "000102030405060708090A0B0C0D0E0F"
CREATE = "simroot card create sim.card\n"
BACKGROUND = re.compile(r"^(?:.*\\\n)*.* &$", re.MULTILINE)  # a command of one or more lines
MARK = "SIMROOT_HOWTO_RUN"  # in the environment of what a page starts: finds daemons that leave the shell's session


class Block:
    def __init__(self, text, is_client):
        self.text = text
        self.is_client = is_client
        self.promised = []
        self.refusal = []


def blocks_of(page):
    """The blocks of a page. A mistake in the page's own form is an error here, not a block that is skipped."""
    blocks = []
    with open(os.path.join(PAGES, page + ".md"), encoding="utf-8") as file:
        text = file.read()
    for info, body in re.findall(r"^```(.*?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if info in ("sh", "sh client"):
            blocks.append(Block(body, info == "sh client"))
        elif info == "text":
            blocks[-1].promised = body.splitlines()
        elif info == "text refused":
            [block for block in blocks if block.is_client][-1].refusal = body.splitlines()
        else:
            raise AssertionError(f"{page}.md has a block of the unknown kind {info!r}")
    return blocks


def line_pattern(line):
    """A regular expression for one line of a ```text block."""
    pieces = (r"[ \t]+".join(re.escape(word) for word in piece.split()) for piece in line.strip().split("..."))
    return ".*?".join(pieces)


def missing_line(promised, outputs):
    """The first line of `promised` that is in none of the outputs after those before it, or None."""
    at = [0] * len(outputs)
    for line in promised:
        pattern = re.compile(line_pattern(line))
        found = next(((index, match) for index, output in enumerate(outputs)
                      if (match := pattern.search(output, at[index]))), None)
        if not found:
            return line
        at[found[0]] = found[1].end()
    return None


class Terminal:
    """What the shell, or one program in its background, writes to."""

    def __init__(self, fd):
        self.fd = fd
        self.text = ""
        self.has_ended = False

    def read(self):
        chunk = os.read(self.fd, 65536)
        self.text += chunk.decode(errors="replace")
        self.has_ended = not chunk


class Shell:
    """A shell that runs blocks one after the other and stops at the first command that fails. With an ExitSearch, the
    memory of all that it starts is searched."""

    def __init__(self, folder, environment, search=None):
        self.folder = folder
        self.count = 0
        self.run_id = f"{os.getpid()}-{id(self)}-{time.monotonic_ns()}"
        env = clean_environment(environment)
        for name in [name for name in env if re.search("CA_BUNDLE|CAINFO|CA_CERTS|^OPENSSL_CONF$", name)]:
            del env[name]  # a reader has none, until a page sets it
        env.update({MARK: self.run_id, "HOME": folder, "LC_ALL": "C.UTF-8"})
        command = ["bash", "--noprofile", "--norc"]
        self.process = subprocess.Popen(search.command(*command) if search else command, cwd=folder, env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.pid = self.only_child(self.process.pid) if search else self.process.pid
        self.terminals = [Terminal(self.process.stdout.fileno())]
        self.fifos = tempfile.mkdtemp(prefix="simroot-terminals-")

    @staticmethod
    def only_child(pid):
        """exit_search has the shell as its child, and ends when everything has ended."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
            if children:
                return int(children[0])
            time.sleep(0.01)
        raise AssertionError("exit_search does not start the shell")

    def has_ended(self):
        return self.process.poll() is not None or not os.path.exists(f"/proc/{self.pid}")

    def run(self, text, subshell=False):
        """Runs a block to its end; returns where its outputs begin, for `since`, and its status."""
        self.count += 1
        name = os.path.join(self.folder, f".block-{self.count}")
        with open(name, "w", encoding="utf-8") as file:
            file.write("set -eo pipefail\n" + BACKGROUND.sub(self.with_own_terminal, text))
        end = f"@@ end of block {self.count}:"
        start = [len(terminal.text) for terminal in self.terminals]
        source = f"(. {name}) </dev/null" if subshell else f". {name} </dev/null; set +e +o pipefail"
        self.process.stdin.write(f"{source}; echo '{end}' $?\n".encode())
        self.process.stdin.flush()
        found = self.wait(lambda outputs: re.search(end + r" (\d+)\n", outputs[0]), start)
        return start, int(found.group(1)) if found else None

    def with_own_terminal(self, command):
        """A reader sees all in one terminal, and sees which of it belongs together."""
        fifo = os.path.join(self.fifos, str(len(self.terminals)))
        os.mkfifo(fifo)
        self.terminals.append(Terminal(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)))
        return f">{fifo} 2>&1 {command.group()}"

    def since(self, start):
        """The outputs since then: the shell's own, and those of the programs in its background."""
        starts = start + [0] * (len(self.terminals) - len(start))
        return [terminal.text[begin:] for terminal, begin in zip(self.terminals, starts)]

    def said(self, start):
        return "".join(self.since(start))

    def wait(self, done, start):
        """Waits until `done(outputs since start)` is true, returns that; None when the shell ended or LIMIT_S passed."""
        until = time.monotonic() + LIMIT_S
        while not (result := done(self.since(start))):
            # A shell that has ended closes nothing while its servers go on: look for that, too.
            has_ended = self.has_ended()
            going_on = {terminal.fd: terminal for terminal in self.terminals if not terminal.has_ended}
            ready, _, _ = select.select(list(going_on), [], [], 0.1)
            for fd in ready:
                going_on[fd].read()
            if self.terminals[0].has_ended or (has_ended and not ready) or time.monotonic() > until:
                return None
        return result

    def left_behind(self):
        """Pids of what the page started and is still running, but the shell."""
        pids = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    is_marked = f"{MARK}={self.run_id}".encode() in file.read().split(b"\0")
                if is_marked or os.getsid(int(pid)) == self.process.pid:
                    pids.append(int(pid))
            except OSError:  # ended meanwhile, or somebody else's
                continue
        return [pid for pid in pids if pid not in (self.process.pid, self.pid)]

    def command_lines(self):
        """What the shell has started and is still running."""
        lines = []
        for pid in self.left_behind():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    lines.append(file.read().replace(b"\0", b" ").decode().strip())
            except OSError:
                continue
        return lines

    def end(self):
        """Ends the shell and everything it has started; returns the command lines of what was still running."""
        if self.process.stdout.closed:
            return []
        survivors = self.command_lines()
        for pid in self.left_behind():
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                continue
        self.process.stdin.close()
        until = time.monotonic() + 5
        while (not self.has_ended() or self.left_behind()) and time.monotonic() < until:
            time.sleep(0.05)
        for pid in self.left_behind():
            os.kill(pid, signal.SIGKILL)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        for terminal in self.terminals[1:]:
            os.close(terminal.fd)
        self.process.stdout.close()
        shutil.rmtree(self.fifos)
        return survivors


class PagesTestCase(unittest.TestCase):
    """Two devices set up by docs/howto/setup.md, each with its own CA: the one of the pages, and the stranger."""

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="simroot-howto-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.device = cls.set_up("device")
        cls.stranger = cls.set_up("stranger")

    @classmethod
    def set_up(cls, name):
        home = os.path.join(cls.root, name)
        os.mkdir(home)
        shell = Shell(home, cls.environment())
        try:
            for block in blocks_of("setup"):
                block.text = block.text.replace(CREATE, CREATE.replace("\n", " --export-keys sim.card.csv\n"))
                cls.run_block("setup", shell, block)
        finally:
            shell.end()
        folder = os.path.join(home, "simroot-howto")
        issuer = Issuer(os.path.join(folder, "sim.card"))
        issuer.run(issuer.load_psk(b"\6", cls.psk_of(name)))
        return folder

    @staticmethod
    def psk_of(name):
        return hashlib.sha256(f"pre-shared key of {name}".encode()).digest()[:16]

    @classmethod
    def environment(cls):
        return {"PATH": os.path.dirname(SIMROOT) + ":" + os.environ["PATH"], "SIMROOT_LIB": os.path.join(BUILD, "lib")}

    @staticmethod
    def run_block(page, shell, block):
        start, status = shell.run(block.text)
        if status != 0:
            raise AssertionError(f"{page}.md: this block ended with {status}:\n{block.text}\nit said:\n{shell.said(start)}")
        shell.wait(lambda outputs: missing_line(block.promised, outputs) is None, start)
        line = missing_line(block.promised, shell.since(start))
        if line is not None:
            raise AssertionError(f"{page}.md promises {line!r}, but {block.text}\nit said:\n{shell.said(start)}")

    def modem_with(self, card_file):
        """A running modem at the device's port, with this SIM in it."""
        modem = Child(SIMROOT, "card", "run", card_file, "--modem", os.path.join(self.device, "modem"))
        modem.__enter__()
        self.addCleanup(modem.__exit__)
        modem.read_until("modem on")
        return modem

    def run_page(self, page, at_the_server=None, before=(), other_sim=None):
        """Runs a page. `at_the_server`: what the server says of the stranger, as a regular expression. `before`: the
        pages whose first block this one says must be done first. `other_sim`: a card file for the refused device, in
        place of the stranger's; then there are no files of the stranger. The keys of both SIMs are searched for."""
        blocks = blocks_of(page)
        for block in blocks:
            block.text = block.text.replace(PUBLISHED_PSK, self.psk_of("device").hex().upper())
        clients = [block for block in blocks if block.is_client]
        self.assertTrue(clients, f"{page}.md has no block of the device")
        other_card = other_sim or os.path.join(self.stranger, "sim.card")
        search = PageSearch(page, self.device, other_card)
        self.addCleanup(search.close)
        shell = Shell(self.device, self.environment(), search.memory)
        self.addCleanup(shell.end)
        modem = self.modem_with(os.path.join(self.device, "sim.card"))
        for earlier in before:
            self.run_block(earlier, shell, blocks_of(earlier)[0])
        last = max(index for index, block in enumerate(blocks) if block.is_client)
        for block in blocks[:last + 1]:
            self.run_block(page, shell, block)

        modem.__exit__()
        modem = self.modem_with(other_card)
        for block in clients:
            start, status = shell.run(block.text, subshell=True)
            self.assert_refused(page, block, status, shell.since(start))
            if block.refusal:
                shell.wait(lambda outputs, lines=block.refusal: missing_line(lines, outputs) is None, start)
                self.assertIsNone(missing_line(block.refusal, shell.since(start)), shell.said(start))
        if not other_sim:
            self.with_files_of_the_stranger(page, shell, clients, at_the_server)

        for block in blocks[last + 1:]:
            self.run_block(page, shell, block)
        until = time.monotonic() + 10
        while shell.left_behind() and time.monotonic() < until:
            time.sleep(0.05)  # a process that was told to end needs a moment
        self.assertEqual(shell.end(), [], f"{page}.md leaves something running")
        search.check()

    def with_files_of_the_stranger(self, page, shell, clients, at_the_server):
        names = ("key.pem", "device.pem")
        for name in names:
            os.rename(os.path.join(self.device, name), os.path.join(self.device, name + ".own"))
            shutil.copy(os.path.join(self.stranger, name), self.device)
        try:
            for block in clients:
                start, status = shell.run(block.text, subshell=True)
                self.assert_refused(page, block, status, shell.since(start))
                if at_the_server:
                    shell.wait(lambda outputs: any(re.search(at_the_server, output) for output in outputs), start)
                    self.assertRegex(shell.said(start), at_the_server)
        finally:
            for name in names:
                os.rename(os.path.join(self.device, name + ".own"), os.path.join(self.device, name))

    def assert_refused(self, page, block, status, outputs):
        """A block that does not end with a failure must at least not have given what the page promises."""
        self.assertIsNotNone(status, f"{page}.md: with another SIM this block does not end:\n{block.text}\n{outputs}")
        self.assertTrue(block.promised, f"{page}.md does not say what one should see after:\n{block.text}")
        self.assertIsNotNone(missing_line(block.promised, outputs),
                             f"{page}.md: with another SIM this block did the same:\n{block.text}\n{outputs}")
