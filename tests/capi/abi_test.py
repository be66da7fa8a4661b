# SPDX-License-Identifier: Apache-2.0
"""What the libraries export is what the lists in this folder say, and what the headers declare: a change of the binary
interface is deliberate. After one, write the new line into the list.

usage: abi_test.py NM LIBRARY SYMBOLS HEADER SONAME
"""
import re
import subprocess
import sys


def exported(nm, library):
    lines = subprocess.run([nm, "-D", "--defined-only", library], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return sorted(line.split()[2] for line in lines if line.split()[1] != "A")


def main():
    nm, library, symbols, header, soname = sys.argv[1:]
    with open(symbols, encoding="ascii") as file:
        listed = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    found = exported(nm, library)
    failures = [f"{name} is exported and not in {symbols}" for name in found if name not in listed]
    failures += [f"{name} is in {symbols} and not exported" for name in listed if name not in found]
    with open(header, encoding="utf-8") as file:
        text = file.read()
    declared = set(re.findall(r"^SIMROOT_API [^;(]*?\b(simroot_\w+)\(", text, re.MULTILINE))
    names = {name.split("@")[0] for name in found}
    failures += [f"{name} is declared and not exported" for name in sorted(declared - names)]
    failures += [f"{name} is exported and not declared" for name in sorted(names - declared)]
    dynamic = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    if f"Library soname: [{soname}]" not in dynamic:
        failures.append(f"the soname of {library} is not {soname}")
    if listed != sorted(listed) or not listed:
        failures.append(f"{symbols} is empty or not sorted")
    print("\n".join(failures) or f"{len(found)} symbols")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
