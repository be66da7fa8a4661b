# SPDX-License-Identifier: Apache-2.0
# The provider as a program sees it: the shared object loaded by libcrypto, a virtual card behind it.
simroot_test(provider_system_test
  SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/provider_fixture.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_key_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_process_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_psk_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_software_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_store_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_tls_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/provider_wrapper_test.cpp
  DEPENDS sr_card_host sr_device_wrapper OpenSSL::SSL OpenSSL::Crypto Threads::Threads
  TIMEOUT 300)
# Functions that the device's libraries only declare; see the note in src/device/provider.
target_sources(provider_system_test PRIVATE $<TARGET_OBJECTS:sr_check_abort> $<TARGET_OBJECTS:sr_wiring_virtual_card>)
target_compile_definitions(provider_system_test PRIVATE
  SIMROOT_PROVIDER_FILE="$<TARGET_FILE:simroot_provider>" SIMROOT_OPENSSL_PROGRAM="/usr/bin/openssl")
add_dependencies(provider_system_test simroot_provider)
set_tests_properties(provider_system_test PROPERTIES LABELS system)
