# SPDX-License-Identifier: Apache-2.0
# The usual commands, each a thin wrapper over tools/setup, the CMake presets and the tools: what they do can be typed.
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
STORM_COMMANDS ?= 10000000
STORM_SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench fuzz storm firmware size install format lint coverage clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## /  make \1\t/p' Makefile | expand -t 20

setup: ## install every Debian package that is missing (root or sudo)
	@tools/setup

demo: ## build what it needs, run `simroot demo`, draw the story in build/demo.html
	@tools/setup build demo
	cmake --preset release
	cmake --build --preset release --target simroot simroot_provider simroot_mosquitto
	build/release/bin/simroot demo --page build/demo.html

test: ## build everything, run all tests
	@tools/setup build demo test
	cmake --preset release
	cmake --build --preset release
	ctest --preset release

bench: ## build and run the benchmarks
	@tools/setup build demo test
	cmake --preset bench
	cmake --build --preset bench
	for name in simroot simroot_authority simroot_store simroot_switch_on simroot_https simroot_snapshot simroot_server; do \
	  echo "== $$name"; tests/system/in_own_network build/bench/bench-bin/$${name}_bench || exit 1; done

fuzz: ## run every fuzzer for FUZZ_SECONDS (60) seconds on its corpus
	@tools/setup build fuzz
	tools/fuzz_smoke $(FUZZ_SECONDS)

storm: ## send STORM_COMMANDS (10000000) damaged commands to a card in the sanitizer build
	@tools/setup build fuzz
	cmake --preset dev
	cmake --build --preset dev --target apdu_storm
	build/dev/test-bin/apdu_storm $(STORM_COMMANDS) $(STORM_SEED)

# The whole card, and the interface of IoT.05 alone.
FIRMWARES := firmware firmware-interface

# Builds both; what both targets below begin with.
define build_firmware
	@tools/setup build firmware
	@tools/fetch_mbedtls build/mbedtls
	for preset in $(FIRMWARES); do cmake --preset $$preset && cmake --build --preset $$preset || exit 1; done
endef

firmware: ## build the card for a Cortex-M33, run the conformance scripts on it in an emulator
	$(build_firmware)
	cmake --preset release
	cmake --build --preset release --target emulated_conformance
	for preset in $(FIRMWARES); do SIMROOT_FIRMWARE=build/$$preset build/release/test-bin/emulated_conformance || exit 1; done

size: ## what the firmware takes, per folder, and the budgets
	$(build_firmware)
	for preset in $(FIRMWARES); do echo "== $$preset"; tools/firmware_size build/$$preset || exit 1; done

install: ## install into PREFIX (/usr/local), below DESTDIR
	@tools/setup build
	cmake --preset release
	cmake --build --preset release --target simroot simroot_provider simroot_pkcs11 simroot_c simroot_mbedtls \
		simroot_server_c simroot_mosquitto
	DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"
	if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi
	# What root has built in somebody's clone stays his.
	if [ "$$(id -u)" = 0 ]; then chown -R --reference=Makefile build; fi

format: ## format all sources in place
	@tools/setup lint
	tools/lint --fix-format

lint: ## formatting, shell scripts, headers, clang-tidy over what changed
	@tools/setup build lint
	tools/lint

coverage: ## run all tests with counters, print lines covered by folder
	@tools/setup build demo test coverage
	tools/coverage

clean: ## remove build/
	rm -rf build
