# SPDX-License-Identifier: Apache-2.0
# What `make install` puts where, below the prefix: bin/simroot, lib/ossl-modules/simroot.so, share/doc/simroot.
# Included after all folders, because it names their targets.
install(TARGETS simroot RUNTIME DESTINATION bin)
install(TARGETS simroot_provider LIBRARY DESTINATION lib/ossl-modules)
install(FILES README.md LICENSE DESTINATION share/doc/simroot)
install(DIRECTORY docs DESTINATION share/doc/simroot)
