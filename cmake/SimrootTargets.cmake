# SPDX-License-Identifier: Apache-2.0
# The three kinds of target of this project. Layers are kept by what links what, and checked by tools/check_includes.

# simroot_library(NAME SOURCES... DEPENDS ... TESTS ...): a static library of host code, its unit tests beside it.
# simroot_core_library(...): the same for the core: no exceptions, no RTTI, and its objects are checked for heap,
# exception and operating system symbols (tools/check_core_symbols).
set_property(GLOBAL PROPERTY SIMROOT_CORE_LIBRARIES "")

function(simroot_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;TESTS;TEST_DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(${name} ${scope} ${ARG_DEPENDS})
  if(ARG_TESTS AND SIMROOT_TESTS)
    simroot_test(${name}_test SOURCES ${ARG_TESTS} DEPENDS ${name} ${ARG_TEST_DEPENDS})
  endif()
endfunction()

function(simroot_core_library name)
  simroot_library(${name} ${ARGN})
  get_target_property(type ${name} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    target_compile_options(${name} PRIVATE -fno-exceptions -fno-threadsafe-statics)
    if(SIMROOT_SANITIZE)
      target_compile_options(${name} PRIVATE -O1)  # what takes the tests their time is in here
    else()  # the sanitizer's check of virtual calls reads type information
      target_compile_options(${name} PRIVATE -fno-rtti)
    endif()
    set_property(GLOBAL APPEND PROPERTY SIMROOT_CORE_LIBRARIES ${name})
  endif()
endfunction()

# simroot_test(NAME SOURCES ... DEPENDS ...): one GoogleTest program, one ctest entry with a time limit.
function(simroot_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} sr_check_abort GTest::gmock_main)
  # What is tested is optimised; the tests themselves need not be, and compile in half the time.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/test-bin")
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
    if(SIMROOT_SANITIZE) # instrumented, and beside other tests
      set(ARG_TIMEOUT 240)
    endif()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS unit)
endfunction()
