# SPDX-License-Identifier: Apache-2.0
# The units of the card daemon, of the first switch-on, of the agent and of the platform, with the place where the program is put. The
# prefix is known when it is installed.
set(units "${CMAKE_SOURCE_DIR}/packaging/systemd")
install(CODE "
  foreach(unit simroot-carded simroot-switch-on simroot-agent simroot-platform)
    file(READ \"${units}/\${unit}.service\" service)
    string(REPLACE \"ExecStart=/usr/bin/\" \"ExecStart=\${CMAKE_INSTALL_PREFIX}/bin/\" service \"\${service}\")
    string(REPLACE \"file:///usr/\" \"file://\${CMAKE_INSTALL_PREFIX}/\" service \"\${service}\")
    file(WRITE \"${CMAKE_BINARY_DIR}/systemd/\${unit}.service\" \"\${service}\")
  endforeach()")
install(FILES "${CMAKE_BINARY_DIR}/systemd/simroot-carded.service"
  "${CMAKE_BINARY_DIR}/systemd/simroot-switch-on.service" "${units}/simroot-carded.socket"
  "${CMAKE_BINARY_DIR}/systemd/simroot-agent.service" "${CMAKE_BINARY_DIR}/systemd/simroot-platform.service"
  DESTINATION lib/systemd/system)
install(FILES "${units}/sysusers-simroot.conf" DESTINATION lib/sysusers.d RENAME simroot.conf)
install(FILES "${units}/carded.conf" "${units}/switch-on.conf" "${units}/agent.conf"
  DESTINATION share/doc/simroot/examples)
