# SPDX-License-Identifier: Apache-2.0
# Tool chain for the firmware: GCC for bare-metal Arm with newlib, a Cortex-M33 without floating point, run in QEMU.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_NM arm-none-eabi-nm)

# In both languages: the C driver links, and without them it would pick the C library of another instruction set.
set(cpu "-mcpu=cortex-m33 -mthumb -mfloat-abi=soft --specs=nano.specs")
set(CMAKE_C_FLAGS_INIT "${cpu}")
set(CMAKE_CXX_FLAGS_INIT "${cpu}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles -nodefaultlibs")

set(CMAKE_CROSSCOMPILING_EMULATOR
  "qemu-system-arm;-M;mps2-an505;-display;none;-monitor;none;-serial;null;-semihosting-config;enable=on,target=native;-kernel")
