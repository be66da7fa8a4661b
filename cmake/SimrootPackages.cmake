# SPDX-License-Identifier: Apache-2.0
# What a program that uses the C APIs or the Mbed TLS adapter is built with: headers, libraries, pkg-config files, CMake
# package. All of it is the component `development`; its files find each other wherever the prefix is moved.
include(CMakePackageConfigHelpers)

set(package_dir lib/cmake/Simroot)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/SimrootConfig.cmake.in"
  "${CMAKE_BINARY_DIR}/packages/SimrootConfig.cmake"
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/packages/SimrootConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
foreach(name simroot simroot-mbedtls simroot-server)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in" "${CMAKE_BINARY_DIR}/packages/${name}.pc" @ONLY)
endforeach()

install(TARGETS simroot_c simroot_mbedtls simroot_server_c EXPORT SimrootTargets
  LIBRARY DESTINATION lib COMPONENT development NAMELINK_COMPONENT development)
install(EXPORT SimrootTargets NAMESPACE simroot:: DESTINATION ${package_dir} COMPONENT development)
install(DIRECTORY include/simroot DESTINATION include COMPONENT development
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${CMAKE_BINARY_DIR}/packages/SimrootConfig.cmake"
  "${CMAKE_BINARY_DIR}/packages/SimrootConfigVersion.cmake" DESTINATION ${package_dir} COMPONENT development)
install(FILES "${CMAKE_BINARY_DIR}/packages/simroot.pc" "${CMAKE_BINARY_DIR}/packages/simroot-mbedtls.pc"
  "${CMAKE_BINARY_DIR}/packages/simroot-server.pc" DESTINATION lib/pkgconfig COMPONENT development)
install(DIRECTORY examples DESTINATION share/doc/simroot COMPONENT development)
