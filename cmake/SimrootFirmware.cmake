# SPDX-License-Identifier: Apache-2.0
# The build for a chip (preset `firmware`): the core, the Mbed TLS backend and the firmware, nothing of the host.
# Included by the root CMakeLists.txt instead of everything else when the target has no operating system.
set(SIMROOT_FIRMWARE ON)
set(SIMROOT_TESTS OFF)
set(SIMROOT_CARD "full" CACHE STRING "What the applet has: full, or interface (src/card/applet/features.hpp)")
set_property(CACHE SIMROOT_CARD PROPERTY STRINGS full interface)
set(SIMROOT_MBEDTLS_SOURCE "${CMAKE_SOURCE_DIR}/build/mbedtls" CACHE PATH
  "Source tree of Mbed TLS 2.28, fetched by tools/fetch_mbedtls")
set(SIMROOT_EXPECTED_INCLUDE_DIR "/usr/include" CACHE PATH "Where tl/expected.hpp lies")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/archive")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE MinSizeRel)
endif()
set(CMAKE_C_FLAGS_MINSIZEREL "-Os -DNDEBUG")
# What -Os gains elsewhere it loses with these two here (measured with make size).
set(CMAKE_CXX_FLAGS_MINSIZEREL "-Os -fno-gcse -fno-reorder-blocks -DNDEBUG")

# The note is about GCC before 7; nothing of that age is linked.
add_compile_options(-Wall -Wextra -Wno-psabi -ffunction-sections -fdata-sections -fstack-usage
  -fno-unwind-tables -fno-asynchronous-unwind-tables "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
# What the core is compiled with on the host as well, and what keeps the C++ runtime out.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-Wshadow;-Wconversion;-Werror;-fno-exceptions;-fno-rtti>")
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics;-fno-use-cxa-atexit>")

add_compile_definitions(SIMROOT_TERSE_CHECKS)

# One header in a directory of its own: /usr/include holds the host's C library.
file(COPY "${SIMROOT_EXPECTED_INCLUDE_DIR}/tl/expected.hpp" DESTINATION "${CMAKE_BINARY_DIR}/include/tl")
include_directories(SYSTEM "${CMAKE_BINARY_DIR}/include")

add_subdirectory(src/common)
add_subdirectory(src/card)
