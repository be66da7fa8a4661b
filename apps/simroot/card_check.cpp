// SPDX-License-Identifier: Apache-2.0
/// `simroot card check`: is the memory of a virtual card whole, and make it so.
#include "card/host/card_memory.hpp"
#include "card/host/store_check.hpp"
#include "commands.hpp"
#include "common/host/hex.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

using card::StoreReport;

/// One of the stores in a card's memory.
struct Place {
  std::string_view name;
  card::ObjectStore::Range range;
  card::StoreCapacity capacity;
};

constexpr std::array kPlaces{
    Place{"applet", card::kAppletRange, {card::kAppletObjects, card::kAppletArena}},
    Place{"security domain", card::kSecurityDomainRange, {card::kSecurityDomainObjects, card::kSecurityDomainArena}},
};

std::string_view WordFor(card::StoreState state) {
  switch (state) {
    case card::StoreState::kBlank:
      return "never formatted";
    case card::StoreState::kIntact:
      return "intact";
    case card::StoreState::kDamaged:
      return "damaged";
  }
  return "unknown";
}

void AddJson(JsonWriter& json, std::string_view name, const StoreReport& report) {
  json.BeginObject().Text("store", name).Text("state", WordFor(report.state)).Bool("clean", report.IsClean());
  json.Number("changeCounter", report.change_counter).Number("unwipedValues", report.unwiped_values);
  json.BeginArray("areas");
  for (const card::AreaReport& area : report.areas) {
    json.BeginObject()
        .Bool("valid", area.valid)
        .Bool("active", area.active)
        .Number("sequence", area.sequence)
        .Number("transactions", area.transactions)
        .Number("usedBytes", area.used)
        .Number("bytes", area.size)
        .Number("leftoverBytes", area.leftover)
        .EndObject();
  }
  json.EndArray().BeginArray("objects");
  for (const card::ObjectReport& object : report.objects) {
    json.BeginObject()
        .Text("class", iotsafe::TagsOf(object.info.object_class).name)
        .Text("id", ToHex(object.info.id.view()))
        .Number("bytes", object.size)
        .Bool("valueLost", object.value_lost)
        .EndObject();
  }
  json.EndArray().BeginArray("problems");
  for (const std::string& problem : report.Problems()) {
    json.BeginObject().Text("text", problem).EndObject();
  }
  json.EndArray().EndObject();
}

std::string InWords(std::string_view name, const StoreReport& report) {
  std::string text = std::string(name) + ": " + std::string(WordFor(report.state)) + ", " +
                     std::to_string(report.objects.size()) + " objects";
  for (const card::AreaReport& area : report.areas) {
    if (area.active) {
      text += ", " + std::to_string(area.transactions) + " transactions in " + std::to_string(area.used) + " of " +
              std::to_string(area.size) + " bytes, area " + std::to_string(area.sequence) + ", change " +
              std::to_string(report.change_counter);
    }
  }
  for (const std::string& problem : report.Problems()) {
    text += "\n  " + problem;
  }
  return text;
}

}  // namespace

int RunCardCheck(const CardCheckArguments& arguments) {
  const auto memory = card::OpenCardFile(arguments.file);
  if (!memory) {
    return Report(memory.error());
  }
  bool clean = true;
  std::string text;
  JsonWriter json;
  json.BeginObject().Text("file", arguments.file).Text("iccid", card::DecodeIccid(memory->identity.iccid));
  json.BeginArray("stores");
  for (const Place& place : kPlaces) {
    StoreReport report = card::CheckStore(*memory->nvm, place.range, place.capacity);
    const bool needs_repair = arguments.repair && !report.IsClean();
    text += (text.empty() ? "" : "\n") + InWords(place.name, report);
    AddJson(json, place.name, report);
    if (needs_repair) {
      if (!card::RepairStore(*memory->nvm, place.range, place.capacity)) {
        return Report({ErrorDomain::kStore, "cannot repair " + arguments.file + ": " + memory->nvm->LastError(),
                       "check the disk and its free space"});
      }
      report = card::CheckStore(*memory->nvm, place.range, place.capacity);
      text += report.IsClean() ? "\n  repaired: " + std::to_string(report.objects.size()) + " objects are kept"
                               : "\n  the repair did not help";
    }
    clean = clean && report.IsClean();
  }
  json.EndArray().Bool("repair", arguments.repair).Bool("clean", clean).EndObject();
  if (!clean && !arguments.repair) {
    text += "\nrepair it with `simroot card check " + arguments.file + " --repair`";
  }
  const bool printed = PrintLine(arguments.json ? json.text() : text);
  return printed && clean ? kDone : kFailed;
}

}  // namespace simroot::app
