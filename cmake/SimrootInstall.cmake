# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where, below the prefix: bin/simroot, lib/ossl-modules/simroot.so, lib/libsimroot-pkcs11.so,
# lib/simroot_mosquitto.so, share/p11-kit/modules/simroot.module, share/doc/simroot;
# and what SimrootPackages.cmake says.
# Included after all folders, because it names their targets.
install(TARGETS simroot RUNTIME DESTINATION bin)
install(TARGETS simroot_provider LIBRARY DESTINATION lib/ossl-modules)
install(TARGETS simroot_mosquitto LIBRARY DESTINATION lib)
install(FILES README.md LICENSE DESTINATION share/doc/simroot)
install(DIRECTORY docs DESTINATION share/doc/simroot)
# The PKCS#11 module, and the file by which p11-kit finds it (docs/pkcs11.md). The prefix is known when it is installed.
install(TARGETS simroot_pkcs11 LIBRARY DESTINATION lib)
install(CODE "configure_file(\"${CMAKE_SOURCE_DIR}/packaging/p11-kit/simroot.module.in\"
  \"${CMAKE_BINARY_DIR}/packages/simroot.module\" @ONLY)")
install(FILES "${CMAKE_BINARY_DIR}/packages/simroot.module" DESTINATION share/p11-kit/modules)
install(FILES packaging/p11-kit/pkcs11.conf DESTINATION share/doc/simroot/examples)
include(SimrootPackages)
include(SimrootServices)
