// SPDX-License-Identifier: Apache-2.0
/// The subcommands as plain functions over plain options. The command line (command_line.cpp) fills the options; each
/// function prints its result and returns the exit status.
#pragma once

#include <cstdint>
#include <string>

namespace simroot::app {

/// Options that every command of `simroot device` has.
struct DeviceOptions {
  std::string card;      ///< --card, or SIMROOT_CARD
  std::string pin_file;  ///< --pin-file, or SIMROOT_PIN_FILE; empty: none
  bool json = false;
  bool trace = false;  ///< every APDU in words on stderr
  unsigned timeout_s = 10;
};

struct CardCreateArguments {
  std::string file;
  std::string profile = "demo";
  std::string iccid;
  std::string imsi;
  std::string export_keys;  ///< path of a file of card keys that lines are added to; empty: the keys are not kept
  unsigned key_bits = 128;
  bool json = false;
};
int RunCardCreate(const CardCreateArguments& arguments);

struct CardPutFileArguments {
  std::string file;
  std::string ref;
  std::string content;  ///< path; a PEM certificate is stored as DER
};
int RunCardPutFile(const CardPutFileArguments& arguments);

struct CardPersonaliseArguments {
  std::string keys;    ///< path of a file of card keys
  std::string script;  ///< path of a script of STORE DATA blocks; "-": stdin
  std::string aid = "A0000005590010";
};
/// @param options --card may also be the file of a virtual card.
int RunCardPersonalise(const DeviceOptions& options, const CardPersonaliseArguments& arguments);

struct CardCheckArguments {
  std::string file;
  bool repair = false;
  bool json = false;
};
/// @returns 0 only if nothing is wrong, or nothing any more after the repair.
int RunCardCheck(const CardCheckArguments& arguments);

struct CardRunArguments {
  std::string file;
  std::string modem_link;
  std::string pcsc;
  std::string pipe;
  std::string compat = "default";
  bool trace = false;
  bool automatic_get_response = false;
  bool t1 = false;
};
int RunCardRun(const CardRunArguments& arguments);

int RunDeviceInfo(const DeviceOptions& options);
int RunDeviceList(const DeviceOptions& options);
int RunDeviceRandom(const DeviceOptions& options, std::size_t count, bool raw);
int RunDeviceReadFile(const DeviceOptions& options, const std::string& ref, const std::string& out, bool pem);
int RunDevicePublicKey(const DeviceOptions& options, const std::string& ref, const std::string& out);

struct SignArguments {
  std::string ref;
  std::string input;  ///< path; empty or "-": stdin
  std::string hash = "sha256";
  std::string out;   ///< path; empty: hexadecimal on stdout
  bool raw = false;  ///< r||s instead of DER
};
int RunDeviceSign(const DeviceOptions& options, const SignArguments& arguments);

struct VerifyArguments {
  std::string ref;
  std::string signature;  ///< path of a DER or raw signature, or its hexadecimal text
  std::string input;
  std::string hash = "sha256";
};
int RunDeviceVerify(const DeviceOptions& options, const VerifyArguments& arguments);

/// Of encrypt, decrypt, hash and mac.
struct CipherArguments {
  std::string ref;
  std::string input;  ///< path; empty or "-": stdin
  std::string mode;   ///< gcm, ctr, cbc, oaep; empty: gcm, or what the file says
  std::string aad;
  std::string hash = "sha256";
  std::string out;  ///< path; empty: stdout
};
int RunDeviceEncrypt(const DeviceOptions& options, const CipherArguments& arguments);
int RunDeviceDecrypt(const DeviceOptions& options, const CipherArguments& arguments);
int RunDeviceHash(const DeviceOptions& options, const CipherArguments& arguments);
int RunDeviceMac(const DeviceOptions& options, const CipherArguments& arguments);

int RunDeviceGenerate(const DeviceOptions& options, const std::string& ref);
int RunDeviceCsr(const DeviceOptions& options, const std::string& ref, const std::string& subject,
                 const std::string& out);

struct WrapKeyArguments {
  std::string ref;
  std::string out;
  std::string certificate;  ///< file object whose certificate is appended; empty: none
};
int RunDeviceWrapKey(const DeviceOptions& options, const WrapKeyArguments& arguments);
int RunDeviceSelftest(const DeviceOptions& options, const std::string& ref);
/// @param give the PIN of the file, or one that is typed; otherwise only its state is printed.
int RunDevicePin(const DeviceOptions& options, bool give);
int RunDevicePskHandle(const DeviceOptions& options, const std::string& ref);
/// The same for pre-shared keys. @param ref a secret key.
int RunDevicePskSelftest(const DeviceOptions& options, const std::string& ref);

struct SwitchOnArguments {
  std::string platform;  ///< https://HOST[:PORT]
  std::string ca;        ///< PEM; empty: the system's
  unsigned wait_s = 0;   ///< so long "come again later" is honoured
};
int RunDeviceSwitchOn(const DeviceOptions& options, const SwitchOnArguments& arguments);

struct ConformanceArguments {
  DeviceOptions device;  ///< --trace is not used
  std::string junit;     ///< path; empty: none is written
  std::string html;      ///< path; empty: none is written
  std::string profile = "default";
  std::string only;
  bool allow_write = false;
  bool list = false;
};
/// @returns 0 also for a card that deviates, 1 for one that fails.
int RunConformance(const ConformanceArguments& arguments);

struct CardedArguments {
  std::string card;    ///< --card, or SIMROOT_CARD
  std::string socket;  ///< path; empty: the service manager hands it over
  std::string mode = "0660";
  std::string group;
  std::string status;  ///< unix:PATH: no daemon is started, a running one is asked
  unsigned limit_s = 30;
  bool trace = false;
  bool json = false;
};
int RunCarded(const CardedArguments& arguments);

int RunDecode(const std::string& hex, bool json);

struct DemoArguments {
  bool trace = false;
  bool keep = false;                       ///< leave the working folder
  bool device = false;                     ///< the device's side alone
  bool psk = false;                        ///< the device's side alone, with a pre-shared key
  std::string page = "simroot-demo.html";  ///< path of the page with the sequence drawn
};
int RunDemo(const DemoArguments& arguments);

/// The command line's own description for shells: `simroot completion bash`.
int Main(int argc, char** argv);

}  // namespace simroot::app
