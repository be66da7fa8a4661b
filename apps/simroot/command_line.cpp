// SPDX-License-Identifier: Apache-2.0
/// The only file that knows the command line library: turns arguments into the options of commands.hpp.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <numeric>
#include <optional>

#include "commands.hpp"
#include "completion.hpp"
#include "output.hpp"
#include "platform/command_line.hpp"
#include "server/command_line.hpp"

namespace simroot::app {
namespace {

using Action = std::function<int()>;

constexpr const char* kCardHelp =
    "the card: sim:FILE, at:/dev/ttyUSB2[?baud=115200&mode=auto|csim|cgla], pcsc:[READER], unix:SOCKET, pipe:SOCKET; "
    "without it, SIMROOT_CARD";
constexpr const char* kRefHelp = "object: hexadecimal identifier (01 or id=01) or label=NAME";

void AddDeviceOptions(CLI::App& command, DeviceOptions& options) {
  command.add_option("--card", options.card, kCardHelp)->type_name("URI");
  command.add_flag("--json", options.json, "print the result as JSON");
  command.add_flag("--trace", options.trace, "print every APDU in words on stderr");
  command.add_option("--timeout", options.timeout_s, "seconds that one operation may take")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
}

/// State of one invocation; lives as long as the parser.
struct Arguments {
  CardCreateArguments create;
  CardPutFileArguments put_file;
  CardPersonaliseArguments personalise;
  CardCheckArguments check;
  CardRunArguments run;
  DeviceOptions device;
  std::string ref;
  std::string out;
  std::string subject;
  std::size_t count = 16;
  bool raw = false;
  bool pem = false;
  bool psk = false;
  bool give = false;
  std::string selftest_ref;
  SignArguments sign;
  VerifyArguments verify;
  CipherArguments cipher;
  WrapKeyArguments wrap_key;
  SwitchOnArguments switch_on;
  std::string hex;
  bool json = false;
  DemoArguments demo;
  ConformanceArguments conformance;
  CardedArguments carded;
  std::string shell;
  Action action;
};

void AddCardPersonalise(CLI::App& card, Arguments& arguments) {
  CLI::App& command = *card.add_subcommand(
      "personalise", "fill an applet through the card's security domain, enciphered end to end (SCP03)");
  AddDeviceOptions(command, arguments.device);
  command.add_option("--keys", arguments.personalise.keys, "the file that `card create --export-keys` wrote")
      ->type_name("F.csv")
      ->required();
  command
      .add_option("--script", arguments.personalise.script,
                  "one block of STORE DATA a line, hexadecimal, # for comments; - for stdin")
      ->type_name("FILE")
      ->required();
  command.add_option("--aid", arguments.personalise.aid, "the applet")->capture_default_str();
  command.callback([&arguments] {
    arguments.action = [&arguments] { return RunCardPersonalise(arguments.device, arguments.personalise); };
  });
}

void AddCardCommands(CLI::App& app, Arguments& arguments) {
  CLI::App& card = *app.add_subcommand("card", "virtual cards: make them and serve them");
  card.require_subcommand(1);

  CLI::App& create = *card.add_subcommand("create", "make a new virtual UICC");
  create.add_option("FILE", arguments.create.file, "the new card's file")->required();
  create.add_option("--profile", arguments.create.profile, "what is on it")
      ->check(CLI::IsMember({"blank", "demo", "type2"}))
      ->capture_default_str();
  create.add_option("--iccid", arguments.create.iccid, "18 to 20 digits; made up if not given");
  create.add_option("--imsi", arguments.create.imsi, "15 digits; derived from the ICCID if not given");
  create
      .add_option("--export-keys", arguments.create.export_keys,
                  "add the keys of the security domain to this CSV file (mode 0600); without it nobody knows them")
      ->type_name("F.csv");
  create.add_option("--key-size", arguments.create.key_bits, "bits of these keys")
      ->check(CLI::IsMember({128U, 192U, 256U}))
      ->capture_default_str();
  create.add_flag("--json", arguments.create.json, "print the result as JSON");
  create.callback([&arguments] { arguments.action = [&arguments] { return RunCardCreate(arguments.create); }; });

  CLI::App& put_file = *card.add_subcommand("put-file", "store a file (a certificate, say) in a virtual UICC");
  put_file.add_option("FILE", arguments.put_file.file, "the card's file")->required();
  put_file.add_option("REF", arguments.put_file.ref, kRefHelp)->required();
  put_file.add_option("PATH", arguments.put_file.content, "the content; PEM certificates are stored as DER")
      ->required();
  put_file.callback([&arguments] { arguments.action = [&arguments] { return RunCardPutFile(arguments.put_file); }; });

  AddCardPersonalise(card, arguments);

  CLI::App& check = *card.add_subcommand("check", "is the memory of a virtual UICC whole?");
  check.add_option("FILE", arguments.check.file, "the card's file")->required();
  check.add_flag("--repair", arguments.check.repair,
                 "wipe leftovers and make an intact store of what can be read; without it nothing is written");
  check.add_flag("--json", arguments.check.json, "print the result as JSON");
  check.callback([&arguments] { arguments.action = [&arguments] { return RunCardCheck(arguments.check); }; });

  CLI::App& run = *card.add_subcommand("run", "serve a virtual UICC as a modem, as a card in vpcd's reader, or both");
  run.add_option("FILE", arguments.run.file, "the card's file")->required();
  run.add_option("--modem", arguments.run.modem_link, "make this symbolic link to the modem's port")->type_name("LINK");
  run.add_option("--pcsc", arguments.run.pcsc, "connect to vpcd, for example 127.0.0.1:35963")->type_name("HOST:PORT");
  run.add_option("--pipe", arguments.run.pipe, "listen on a socket, for --card pipe:SOCKET")->type_name("SOCKET");
  run.add_option("--compat", arguments.run.compat, "compatibility profile (docs/compatibility.md)")
      ->check(CLI::IsMember({"default", "strict", "wolfssl", "orange", "thales", "ntt"}))
      ->capture_default_str();
  run.add_flag("--auto-get-response", arguments.run.automatic_get_response,
               "the modem collects responses itself (T=0)");
  run.add_flag("--t1", arguments.run.t1, "answer directly as on T=1");
  run.add_flag("--trace", arguments.run.trace, "print every APDU in words");
  run.callback([&arguments] { arguments.action = [&arguments] { return RunCardRun(arguments.run); }; });
}

/// One `simroot device` command with the options all of them have.
CLI::App& AddDeviceCommand(CLI::App& device, Arguments& arguments, const char* name, const char* help,
                           const std::function<int()>& action) {
  CLI::App& command = *device.add_subcommand(name, help);
  AddDeviceOptions(command, arguments.device);
  command.add_option("--pin-file", arguments.device.pin_file, "a file with the card's user PIN, if it wants one")
      ->envname("SIMROOT_PIN_FILE")
      ->type_name("FILE");
  command.callback([&arguments, action] { arguments.action = action; });
  return command;
}

void AddReadingCommands(CLI::App& device, Arguments& a) {
  AddDeviceCommand(device, a, "info", "the card and its applet", [&a] { return RunDeviceInfo(a.device); });
  AddDeviceCommand(device, a, "list", "the objects of the applet", [&a] { return RunDeviceList(a.device); });

  CLI::App& random = AddDeviceCommand(device, a, "random", "random bytes from the card",
                                      [&a] { return RunDeviceRandom(a.device, a.count, a.raw); });
  random.add_option("N", a.count, "how many")->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20U))->required();
  random.add_flag("--raw", a.raw, "bytes instead of hexadecimal text");

  CLI::App& read_file = AddDeviceCommand(device, a, "read-file", "the content of a file",
                                         [&a] { return RunDeviceReadFile(a.device, a.ref, a.out, a.pem); });
  read_file.add_option("REF", a.ref, kRefHelp)->required();
  read_file.add_option("--out", a.out, "write to this file instead of stdout");
  read_file.add_flag("--pem", a.pem, "a certificate, as PEM");

  CLI::App& public_key = AddDeviceCommand(device, a, "public-key", "a public key as PEM",
                                          [&a] { return RunDevicePublicKey(a.device, a.ref, a.out); });
  public_key.add_option("REF", a.ref, kRefHelp)->required();
  public_key.add_option("--out", a.out, "write to this file instead of stdout");
}

void AddCipherCommands(CLI::App& device, Arguments& a) {
  CLI::App& encrypt = AddDeviceCommand(device, a, "encrypt", "encrypt with a secret key of the card",
                                       [&a] { return RunDeviceEncrypt(a.device, a.cipher); });
  encrypt.add_option("REF", a.cipher.ref, kRefHelp)->required();
  encrypt.add_option("FILE", a.cipher.input, "what to encrypt; stdin if not given");
  encrypt.add_option("--mode", a.cipher.mode, "gcm (the default), ctr or cbc")
      ->check(CLI::IsMember({"gcm", "ctr", "cbc"}));
  encrypt.add_option("--aad", a.cipher.aad, "text that is authenticated with the file, not encrypted (gcm)");
  encrypt.add_option("--out", a.cipher.out, "write to this file instead of stdout");

  CLI::App& decrypt = AddDeviceCommand(device, a, "decrypt", "decrypt with a key of the card",
                                       [&a] { return RunDeviceDecrypt(a.device, a.cipher); });
  decrypt.add_option("REF", a.cipher.ref, kRefHelp)->required();
  decrypt.add_option("FILE", a.cipher.input, "what `encrypt` has written; stdin if not given");
  decrypt
      .add_option("--mode", a.cipher.mode,
                  "oaep: FILE is a ciphertext of RSA-OAEP with SHA-256, REF a private key; else the file says it")
      ->check(CLI::IsMember({"gcm", "ctr", "cbc", "oaep"}));
  decrypt.add_option("--aad", a.cipher.aad, "the text given to `encrypt --aad`");
  decrypt.add_option("--out", a.cipher.out, "write to this file instead of stdout");

  CLI::App& hash = AddDeviceCommand(device, a, "hash", "a digest computed by the card",
                                    [&a] { return RunDeviceHash(a.device, a.cipher); });
  hash.add_option("FILE", a.cipher.input, "what to hash; stdin if not given");
  hash.add_option("--hash", a.cipher.hash, "hash algorithm")
      ->check(CLI::IsMember({"sha256", "sha384", "sha512"}))
      ->capture_default_str();

  CLI::App& mac = AddDeviceCommand(device, a, "mac", "an AES-CMAC by a secret key of the card",
                                   [&a] { return RunDeviceMac(a.device, a.cipher); });
  mac.add_option("REF", a.cipher.ref, kRefHelp)->required();
  mac.add_option("FILE", a.cipher.input, "the text; stdin if not given");
}

void AddSigningCommands(CLI::App& device, Arguments& a) {
  const auto hashes = CLI::IsMember({"sha256", "sha384", "sha512"});
  CLI::App& sign = AddDeviceCommand(device, a, "sign", "sign with a key of the card",
                                    [&a] { return RunDeviceSign(a.device, a.sign); });
  sign.add_option("REF", a.sign.ref, kRefHelp)->required();
  sign.add_option("FILE", a.sign.input, "what to sign; stdin if not given");
  sign.add_option("--hash", a.sign.hash, "hash algorithm")->check(hashes)->capture_default_str();
  sign.add_option("--out", a.sign.out, "write the signature to this file instead of hexadecimal text to stdout");
  sign.add_flag("--raw", a.sign.raw, "r||s instead of DER");

  CLI::App& verify = AddDeviceCommand(device, a, "verify", "verify a signature on the card",
                                      [&a] { return RunDeviceVerify(a.device, a.verify); });
  verify.add_option("REF", a.verify.ref, kRefHelp)->required();
  verify.add_option("SIG", a.verify.signature, "the signature: a file, or hexadecimal text")->required();
  verify.add_option("FILE", a.verify.input, "what was signed; stdin if not given");
  verify.add_option("--hash", a.verify.hash, "hash algorithm")->check(hashes)->capture_default_str();
}

int RunSelftest(const Arguments& a) {
  const auto ref = [&](const char* otherwise) { return a.selftest_ref.empty() ? otherwise : a.selftest_ref; };
  return a.psk ? RunDevicePskSelftest(a.device, ref("06")) : RunDeviceSelftest(a.device, ref("01"));
}

void AddKeyCommands(CLI::App& device, Arguments& a) {
  CLI::App& generate = AddDeviceCommand(device, a, "generate", "make a new key pair in a container of the card",
                                        [&a] { return RunDeviceGenerate(a.device, a.ref); });
  generate.add_option("REF", a.ref, kRefHelp)->required();

  CLI::App& csr = AddDeviceCommand(device, a, "csr", "a certificate request, signed by the card",
                                   [&a] { return RunDeviceCsr(a.device, a.ref, a.subject, a.out); });
  csr.add_option("REF", a.ref, kRefHelp)->required();
  csr.add_option("--subject", a.subject, "for example /CN=device1/O=Example")->required()->type_name("DN");
  csr.add_option("--out", a.out, "write to this file instead of stdout");

  CLI::App& wrap_key = AddDeviceCommand(device, a, "wrap-key", "a PEM file that stands for a key of the card",
                                        [&a] { return RunDeviceWrapKey(a.device, a.wrap_key); });
  wrap_key.add_option("REF", a.wrap_key.ref, kRefHelp)->required();
  wrap_key.add_option("OUT", a.wrap_key.out, "the file to write")->required();
  wrap_key.add_option("--cert", a.wrap_key.certificate, "append the certificate in this file object");

  CLI::App& selftest = AddDeviceCommand(device, a, "selftest", "does the OpenSSL configuration really use the card?",
                                        [&a] { return RunSelftest(a); });
  selftest.add_option("REF", a.selftest_ref, "a private key (01 if not given), or with --psk a secret key (06)");
  selftest.add_flag("--psk", a.psk, "test the way of a pre-shared key instead of a signature");

  CLI::App& pin = AddDeviceCommand(device, a, "pin", "the state of the user PIN, if the card has one",
                                   [&a] { return RunDevicePin(a.device, a.give); });
  pin.add_flag("--give", a.give, "give it to the card: that of --pin-file, or one that is asked for");

  CLI::App& psk_handle =
      AddDeviceCommand(device, a, "psk-handle", "what a program is given in place of a pre-shared key of the card",
                       [&a] { return RunDevicePskHandle(a.device, a.ref); });
  psk_handle.add_option("REF", a.ref, kRefHelp)->required();
}

void AddSwitchOnCommand(CLI::App& device, Arguments& a) {
  CLI::App& command = AddDeviceCommand(device, a, "switch-on", "first credentials, or whatever the platform wants done",
                                       [&a] { return RunDeviceSwitchOn(a.device, a.switch_on); });
  command.add_option("--platform", a.switch_on.platform, "address of the platform")
      ->required()
      ->type_name("URL")
      ->envname("SIMROOT_PLATFORM");
  command.add_option("--ca", a.switch_on.ca, "trust this CA for the platform instead of the system's")
      ->type_name("FILE");
  command.add_option("--wait", a.switch_on.wait_s, "come again when the platform says so, for so many seconds in all")
      ->capture_default_str();
}

void AddConformanceCommand(CLI::App& app, Arguments& a) {
  CLI::App& command = *app.add_subcommand("conformance", "judge the IoT SAFE applet of any card, case by case");
  DeviceOptions& device = a.conformance.device;
  command.add_option("--card", device.card, kCardHelp)->type_name("URI");
  command.add_option("--junit", a.conformance.junit, "write the result as JUnit XML")->type_name("FILE");
  command.add_option("--html", a.conformance.html, "write the result as one HTML page")->type_name("FILE");
  command.add_flag("--json", device.json, "print the result as JSON");
  command.add_flag(
      "--allow-write", a.conformance.allow_write,
      "run the cases too that replace the content of containers which the device may update: they make key "
      "pairs and put public keys. Nothing is deleted");
  command.add_option("--profile", a.conformance.profile, "compatibility profile whose expectations hold")
      ->capture_default_str();
  command.add_option("--only", a.conformance.only, "cases with these words in number, title, clause or chapter")
      ->type_name("PATTERN");
  command.add_option("--pin-file", device.pin_file, "a file with the card's user PIN, if it wants one")
      ->envname("SIMROOT_PIN_FILE")
      ->type_name("FILE");
  command.add_flag("--list", a.conformance.list, "print the cases and what they need, and touch no card");
  command.add_option("--timeout", device.timeout_s, "seconds that one command may take")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
  command.callback([&a] { a.action = [&a] { return RunConformance(a.conformance); }; });
}

void AddCardedCommand(CLI::App& app, Arguments& a) {
  CLI::App& command = *app.add_subcommand(
      "carded", "the card daemon: owns a modem's port or a reader and shares its card among programs");
  command.add_option("--card", a.carded.card, "the card it owns: at:PORT, pcsc:[READER], sim:FILE; else SIMROOT_CARD")
      ->type_name("URI");
  command.add_option("--socket", a.carded.socket, "listen here, for --card unix:SOCKET; not needed under systemd")
      ->type_name("SOCKET");
  command.add_option("--mode", a.carded.mode, "rights of the socket, octal")->capture_default_str();
  command.add_option("--group", a.carded.group, "group of the socket: who is in it may use the card");
  command.add_option("--limit", a.carded.limit_s, "seconds after which a transaction is taken away if others wait")
      ->check(CLI::Range(1U, 3600U))
      ->capture_default_str();
  command.add_flag("--trace", a.carded.trace, "print every APDU in words");
  command.add_option("--status", a.carded.status, "ask a running daemon how it does")->type_name("unix:SOCKET");
  command.add_flag("--json", a.carded.json, "print the status as JSON");
  command.callback([&a] { a.action = [&a] { return RunCarded(a.carded); }; });
}

void AddOtherCommands(CLI::App& app, Arguments& arguments) {
  CLI::App& decode = *app.add_subcommand("decode", "an APDU or elements of the applet in words");
  decode.add_option("HEX", arguments.hex, "hexadecimal text; spaces are skipped")->required();
  decode.add_flag("--json", arguments.json, "print the result as JSON");
  decode.callback(
      [&arguments] { arguments.action = [&arguments] { return RunDecode(arguments.hex, arguments.json); }; });

  CLI::App& demo = *app.add_subcommand("demo", "the whole story on this machine, every step checked");
  CLI::Option* const device =
      demo.add_flag("--device", arguments.demo.device, "the device's side alone: SIM, modem, openssl, curl");
  demo.add_flag("--psk", arguments.demo.psk, "the device's side alone, with a pre-shared key")->excludes(device);
  demo.add_option("--page", arguments.demo.page, "where to write the page with the sequence drawn")
      ->type_name("FILE")
      ->capture_default_str();
  demo.add_flag("--trace", arguments.demo.trace, "print every APDU in words");
  demo.add_flag("--keep", arguments.demo.keep, "leave the working folder for a look");
  demo.callback([&arguments] { arguments.action = [&arguments] { return RunDemo(arguments.demo); }; });

  CLI::App& completion = *app.add_subcommand("completion", "completion script for a shell");
  completion.add_option("SHELL", arguments.shell, "which shell")->check(CLI::IsMember({"bash"}))->required();
  completion.callback(
      [&app, &arguments] { arguments.action = [&app] { return PrintLine(BashCompletion(app)) ? kDone : kFailed; }; });
}

/// How many letters must be changed, added or left out to make one word of the other.
std::size_t Distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row.front(), i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from.at(i) == to.at(j) ? 0 : 1);
      diagonal = row.at(j + 1);
      row.at(j + 1) = std::min({replaced, row.at(j) + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// What to say of a word that is no command; nothing if all are.
std::optional<Error> UnknownCommand(const CLI::App& app, int argc, char** argv) {
  const CLI::App* level = &app;
  std::string path = app.get_name();
  for (int i = 1; i < argc && !level->get_subcommands({}).empty(); ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) {
      continue;
    }
    const std::vector<const CLI::App*> commands = level->get_subcommands({});
    const auto found = std::ranges::find(commands, word, [](const CLI::App* command) { return command->get_name(); });
    if (found == commands.end()) {
      const std::string closest = (*std::ranges::min_element(commands, {}, [&](const CLI::App* command) {
                                    return Distance(word, command->get_name());
                                  }))->get_name();
      const bool is_slip = Distance(word, closest) <= 2 && Distance(word, closest) < word.size();
      return Error{ErrorDomain::kUsage, "there is no command \"" + path + " " + word + "\"",
                   (is_slip ? "perhaps `" + path + " " + closest + "`; " : "") + "see `" + path + " --help`"};
    }
    level = *found;
    path += " " + word;
  }
  return std::nullopt;
}

}  // namespace

int Main(int argc, char** argv) {
  // A reader that goes away must not keep us from tidying up: writing then fails like any other write.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  CLI::App app("simroot: the SIM as root of trust (GSMA IoT SAFE)", "simroot");
  app.set_version_flag("--version", SIMROOT_VERSION);
  app.require_subcommand(1);
  app.fallthrough(false);
  app.footer("Exit status: 0 done, 1 failed, 2 wrong usage. Cards: docs/conventions.md. First steps: simroot demo");
  Arguments arguments;
  AddCardCommands(app, arguments);
  CLI::App& device = *app.add_subcommand("device", "the device's side: use a card");
  device.require_subcommand(1);
  AddReadingCommands(device, arguments);
  AddSigningCommands(device, arguments);
  AddCipherCommands(device, arguments);
  AddKeyCommands(device, arguments);
  AddSwitchOnCommand(device, arguments);
  AddConformanceCommand(app, arguments);
  AddCardedCommand(app, arguments);
  const auto platform_arguments = AddPlatformCommands(app, arguments.action);
  const auto server_arguments = AddServerCommands(app, arguments.action);
  AddOtherCommands(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = UnknownCommand(app, argc, argv)) {
      return Report(*unknown);
    }
    static_cast<void>(app.exit(error, std::cout, std::cerr));
    return kUsageError;
  }
  for (DeviceOptions* const options : {&arguments.device, &arguments.conformance.device}) {
    if (options->card.empty()) {
      const char* const card = std::getenv("SIMROOT_CARD");
      options->card = card != nullptr ? card : "";
    }
  }
  return arguments.action();
}

}  // namespace simroot::app
