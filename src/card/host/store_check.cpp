// SPDX-License-Identifier: Apache-2.0
#include "card/host/store_check.hpp"

#include <map>

#include "card/host/ram_nvm.hpp"
#include "card/store/store_log.hpp"
#include "common/base/secret.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

/// A store with memory of its own, wiped at the end.
struct HostStore {
  HostStore(Nvm& nvm, ObjectStore::Range range, StoreCapacity capacity)
      : objects(capacity.objects), arena(capacity.arena), store(nvm, range, {objects, arena}) {}

  std::vector<StoredObject> objects;
  Bytes arena;
  ObjectStore store;
};

/// The bytes of a store, secrets among them.
struct Copy {
  Copy(Nvm& nvm, ObjectStore::Range range) : bytes(range.size) {
    if (!nvm.Read(range.offset, bytes)) {
      bytes.clear();
    }
  }
  Copy(const Copy& other) = default;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { Wipe(bytes); }
  Bytes bytes;
};

/// Bytes in the range that are not zero.
std::uint32_t CountContent(ByteView bytes, std::uint32_t start, std::uint32_t end) {
  const ByteView part = bytes.subspan(start, end - start);
  return static_cast<std::uint32_t>(part.size()) -
         static_cast<std::uint32_t>(std::ranges::count(part, std::uint8_t{0}));
}

/// Walks over the transactions of an area as far as they are valid, and counts values that should not be there.
AreaReport WalkArea(Nvm& nvm, ByteView bytes, LogArea area, std::uint32_t& unwiped) {
  AreaReport report;
  report.size = area.size;
  report.valid = ReadAreaHeader(nvm, area);
  report.sequence = area.sequence;
  std::map<std::uint32_t, LogValue> current;  // by serial number
  const auto supersede = [&](std::uint32_t serial) {
    const LogValue old = current[serial];
    const std::uint32_t end = old.offset + Footprint(old);
    unwiped += EndOfContent(nvm, old.offset, end) != old.offset ? 1 : 0;
    current[serial] = {};
  };
  Transaction transaction;
  std::uint32_t position = area.first_transaction();
  for (; report.valid && ReadTransaction(nvm, area, position, transaction) == TransactionState::kValid;
       position = transaction.end()) {
    ++report.transactions;
    RecordReader records(nvm, area, transaction);
    LogRecord record;
    while (records.Next(record)) {
      if (record.type == RecordType::kPut || record.type == RecordType::kDelete) {
        supersede(record.serial);
        current[record.serial] = record.value;
      }
    }
  }
  report.used = report.valid ? position - area.offset : 0;
  report.leftover = CountContent(bytes, area.offset + report.used, area.end());
  return report;
}

void ListObjects(const ObjectStore& store, StoreReport& report) {
  for (const StoredObject& object : store.objects()) {
    report.objects.push_back({object.info, object.size, object.lost_value});
  }
}

std::string Count(std::uint32_t number, std::string_view one, std::string_view many) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : many);
}

}  // namespace

StoreReport CheckStore(Nvm& nvm, ObjectStore::Range range, StoreCapacity capacity) {
  StoreReport report;
  const Copy copy(nvm, range);
  const ObjectStore::Range whole{0, copy.bytes.size()};
  if (copy.bytes.empty()) {
    report.state = StoreState::kDamaged;
    report.loss.everything = true;
    return report;
  }
  {
    Copy trial(copy);
    RamNvm trial_nvm(trial.bytes);
    HostStore host(trial_nvm, whole, capacity);
    report.state = host.store.Load();
    report.change_counter = host.store.change_counter();
    ListObjects(host.store, report);
  }
  Copy readable(copy);
  RamNvm readable_nvm(readable.bytes);
  const auto half = static_cast<std::uint32_t>(whole.size / 2);
  std::uint32_t offset = 0;
  for (AreaReport& area : report.areas) {
    area = WalkArea(readable_nvm, copy.bytes, {offset, half, 0, 0}, report.unwiped_values);
    offset += half;
  }
  AreaReport& first = report.areas.front();
  AreaReport& second = report.areas.back();
  AreaReport& active = second.valid && (!first.valid || second.sequence > first.sequence) ? second : first;
  AreaReport& other = &active == &first ? second : first;
  active.active = active.valid;
  other.leftover += other.used;
  if (report.state == StoreState::kDamaged) {
    Copy trial(copy);
    RamNvm trial_nvm(trial.bytes);
    HostStore host(trial_nvm, whole, capacity);
    if (host.store.Repair(report.loss)) {
      ListObjects(host.store, report);
    }
  }
  return report;
}

bool RepairStore(Nvm& nvm, ObjectStore::Range range, StoreCapacity capacity) {
  HostStore host(nvm, range, capacity);
  StoreLoss loss;
  return host.store.Repair(loss);
}

bool StoreReport::IsClean() const {
  return state == StoreState::kIntact && unwiped_values == 0 &&
         std::ranges::all_of(areas, [](const AreaReport& area) { return area.leftover == 0; });
}

std::vector<std::string> StoreReport::Problems() const {
  std::vector<std::string> problems;
  if (state == StoreState::kBlank) {
    problems.emplace_back("the store was never formatted");
  }
  if (state == StoreState::kDamaged) {
    problems.emplace_back("the store is damaged: the applet answers 6400 to every command");
  }
  if (loss.everything) {
    problems.emplace_back("no object can be read: a repair would leave an empty store");
  }
  if (loss.lost_places != 0) {
    problems.push_back("the log is damaged in " + Count(loss.lost_places, "place", "places") +
                       ": changes may be lost, objects be in an older state or missing; a repair blocks the user PIN");
  }
  if (loss.dropped != 0) {
    problems.push_back(Count(loss.dropped, "record belongs", "records belong") + " to no readable object");
  }
  for (const ObjectReport& object : objects) {
    if (object.value_lost) {
      problems.push_back(std::string(iotsafe::TagsOf(object.info.object_class).name) + " " +
                         ToHex(object.info.id.view()) + ": its value is damaged and would be removed");
    }
  }
  if (unwiped_values != 0) {
    problems.push_back(Count(unwiped_values, "replaced value is", "replaced values are") + " not wiped yet");
  }
  for (const AreaReport& area : areas) {
    if (area.leftover != 0 && state == StoreState::kIntact) {
      problems.push_back(Count(area.leftover, "byte", "bytes") + " of " +
                         (area.active ? "a change that was cut off" : "an old content") + " are not wiped yet");
    }
  }
  return problems;
}

}  // namespace simroot::card
