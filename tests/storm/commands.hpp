// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace simroot::storm {

/// Commands of every instruction, as they are right: what the storm damages. Channel 1 is the applet's, channel 2 the
/// security domain's.
inline constexpr std::array kCommands{
    // UICC
    std::string_view("0070000001"),
    std::string_view("0070800100"),
    std::string_view("01A4040007A0000005590010"),
    std::string_view("02A4040008A000000151000000"),
    std::string_view("00A40004022FE200"),
    std::string_view("00B000000A"),
    std::string_view("00B2010426"),
    std::string_view("00F20000"),
    std::string_view("01C0000000"),
    // IoT.05
    std::string_view("8184000020"),
    std::string_view("81CB000000"),
    std::string_view("81CB010000"),
    std::string_view("81CB010100"),
    std::string_view("81CBC10003840101"),
    std::string_view("81CBC3000673046365727400"),
    std::string_view("81CBC40003860106"),
    std::string_view("81B0000003830102"),
    std::string_view("81CD000003850101"),
    std::string_view("81B9000003840104"),
    std::string_view("8124000203850105"),
    std::string_view(
        "81D8800247344549438641046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C2964FE342E2FE"
        "1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"),
    std::string_view("8124010200"),
    std::string_view("8146000006840104850105"),
    std::string_view("812A00010D840101A1010391020001920104"),
    std::string_view("812A00010D840101A1010191020001920104"),
    std::string_view("812A00010D840101A1010291020001920104"),
    std::string_view("812B8001229E201111111111111111111111111111111111111111111111111111111111111111"),
    std::string_view("812B0001079B0568656C6C6F"),
    std::string_view("812B8001079B0568656C6C6F"),
    std::string_view(
        "812B80012F9A0568656C6C6F9C20DF5BB81CE81E0626FB45A8944FD40F31B25E6816D6D499C1AB90492900635E669D0400"
        "000040"),
    std::string_view("812A010100"),
    std::string_view("812C00010D850101A1010391020001920104"),
    std::string_view(
        "812D8001659E201111111111111111111111111111111111111111111111111111111111111111330040222222222222222"
        "2222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222222"
        "2222222222222"),
    std::string_view(
        "8148000051D120000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1FD22A74657374206C61626"
        "56C404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5FD30130"),
    std::string_view("8148010015860106D20D6D617374657220736563726574D30130"),
    std::string_view("8148020027860106D4100102030405060708090A0B0C0D0E0F10D20D6D617374657220736563726574D30130"),
    std::string_view(
        "814A00002BD1160B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0BD50D000102030405060708090A0B0C91020001"),
    std::string_view("814A010007860106910200"
                     "01"),
    std::string_view("8120000108313233342FFFFFFF"),
    // our extensions
    std::string_view("8152800105"
                     "68656C6C6F"),
    std::string_view("8154000003860107"),
    std::string_view("8155800010000102030405060708090A0B0C0D0E0F"),
    std::string_view("8156000003860107"),
    std::string_view("8157800010000102030405060708090A0B0C0D0E0F"),
    std::string_view("8158000003840101"),
    std::string_view("815A000003830102"),
    std::string_view("815C000003830102"),
    // GlobalPlatform
    std::string_view("8250300008000102030405060708"),
    std::string_view("8682330010000102030405060708090A0B0C0D0E0F"),
    std::string_view("82CA006600"),
    std::string_view("82CA00E000"),
    std::string_view("82CA2F0000"),
    std::string_view("82F28002024F00"),
    std::string_view("82F24002024F00"),
    std::string_view("82E620000D000007A000000559001000000000"),
    std::string_view("82E2900004BF200100"),
    std::string_view("82D8308103308810"),
    // extended lengths
    std::string_view("81B00000000003830102FFFF"),
    std::string_view("81CB0100000000"),
    std::string_view("812B800100000022"
                     "9E201111111111111111111111111111111111111111111111111111111111111111"),
};

}  // namespace simroot::storm
