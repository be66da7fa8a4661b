# SPDX-License-Identifier: Apache-2.0
# Run at build time with OUTPUT and SCRIPTS: writes the source file that defines EmbeddedScripts().
set(text "// Made by embed_scripts.cmake from scripts/*.apdu; not to be edited.\n#include \"conformance/embedded_scripts.hpp\"\n\n")
string(APPEND text "namespace simroot::conformance {\nnamespace {\n\nconstexpr EmbeddedScript kScripts[] = {\n")
foreach(script IN LISTS SCRIPTS)
  get_filename_component(name "${script}" NAME)
  file(READ "${script}" content)
  string(APPEND text "    {\"${name}\", R\"apdu(${content})apdu\"},\n")
endforeach()
string(APPEND text "};\n\n}  // namespace\n\nstd::span<const EmbeddedScript> EmbeddedScripts() {\n  return kScripts;\n}\n\n}  // namespace simroot::conformance\n")
file(WRITE "${OUTPUT}" "${text}")
