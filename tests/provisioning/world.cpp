// SPDX-License-Identifier: Apache-2.0
#include "tests/provisioning/world.hpp"

namespace simroot::provisioning {
namespace {

constexpr std::int64_t kYear = 365 * 86400;
constexpr std::string_view kOpenChannel = "0070000001";
constexpr std::uint8_t kApplet = 0x01;  // channel
constexpr std::uint8_t kDomain = 0x02;
constexpr std::string_view kUsualDomain = "A000000151000000";

[[nodiscard]] Bytes SelectCommand(std::uint8_t channel, ByteView aid) {
  return Join(Bytes{channel, 0xA4, 0x04, 0x00, LowByte(aid.size())}, aid, Bytes{0x00});
}

}  // namespace

void World::Open(bool create) {
  vault_ = Must(create ? Vault::Create(folder_ + "/vault") : Vault::Open(folder_ + "/vault"));
  authority_ = Must(Authority::Open(*vault_, folder_ + "/ca"));
  store_ =
      Must(OpenSqliteStore({.file = folder_ + "/platform.db", .clock = clock, .create = create, .batch_limit = 256}));
  engine_ = OtaEngine::Create(*store_, *vault_, *authority_, clock, limits_);
  SR_CHECK(engine_ != nullptr);
}

void World::MakeTenant() {
  tenant.name = "acme";
  auto root =
      Must(authority_->MakeRoot("root", {.common_name = "acme root", .serial_number = {}, .organization = "acme"},
                                clock.Now() - 86400, 20 * kYear));
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(tenant.id, writer.InsertTenant(tenant));
    root.tenant = tenant.id;
    SR_TRY(root.id, writer.InsertAuthority(root));
    return {};
  });
  auto issuing = Must(authority_->MakeIssuing(
      root, "issuing-1", {.common_name = "acme devices", .serial_number = {}, .organization = "acme"},
      clock.Now() - 86400, 10 * kYear));
  issuing.tenant = tenant.id;
  issuing.parent = root.id;
  issuing.issues = true;
  policy.tenant = tenant.id;
  policy.name = "default";
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(issuing.id, writer.InsertAuthority(issuing));
    SR_TRY(policy.id, writer.InsertPolicy(policy));
    return {};
  });
  authorities = {root, issuing};
}

AnyCard World::AddCard(card::CardProfile profile, std::size_t key_size) {
  AnyCard added;
  added.file = folder_ + "/card-" + std::to_string(++cards_);
  std::list<CardKeys> keys;
  const auto made =
      card::CreateCard(added.file, {.profile = profile, .iccid = {}, .imsi = {}, .key_size = key_size, .keys = &keys});
  SR_CHECK(made.has_value() && !keys.empty());
  added.iccid = keys.front().iccid;
  platform::Card card;
  card.tenant = tenant.id;
  card.iccid = added.iccid;
  card.profile = keys.front().profile;
  card.security_domain = keys.front().aid;
  card.created = clock.Now();
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(added.id, writer.InsertCard(card));
    return {};
  });
  for (const CardKeys& line : keys) {
    Bytes all;
    for (const auto* key : {&line.enc, &line.mac, &line.dek}) {
      const ByteView value = key->Reveal(InsecureReveal::kForTest);
      all.insert(all.end(), value.begin(), value.end());
    }
    CardKeySet set;
    set.card = added.id;
    set.version = line.version;
    set.key_size = static_cast<std::uint8_t>(key_size);
    set.sealed = Must(vault_->Seal(all, "card-keys/" + added.iccid + "/" + std::to_string(line.version)));
    Write([&](StoreWriter& writer) { return writer.PutCardKeys(set); });
  }
  AddJob(added, JobKind::kSwitchOn);
  return added;
}

Id World::AddJob(const AnyCard& card, JobKind kind, Id credential) {
  Job job;
  job.tenant = tenant.id;
  job.card = card.id;
  job.kind = kind;
  job.credential = credential;
  job.created = clock.Now();
  job.not_before = clock.Now();
  job.changed = clock.Now();
  job.requested_by = "test";
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(job.id, writer.InsertJob(job));
    return {};
  });
  return job.id;
}

Device::Device(const AnyCard& card) : iccid_(card.iccid) {
  static std::map<std::string, std::weak_ptr<card::VirtualCard>> powered;
  card_ = powered[card.file].lock();
  if (!card_) {
    auto opened = card::VirtualCard::Open(card.file, {});
    SR_CHECK(opened.has_value());
    card_ = std::move(*opened);
    powered[card.file] = card_;
  }
  endpoint_ = &card_->Endpoint();
  Start();
}

Device::Device(const std::string& iccid, wire::CardEndpoint& endpoint) : iccid_(iccid), endpoint_(&endpoint) {
  Start();
}

void Device::Start() {
  endpoint_->Reset();
  SR_CHECK(Send(Hex(kOpenChannel)).sw == 0x9000);
  SR_CHECK(Send(Hex(kOpenChannel)).sw == 0x9000);
  static_cast<void>(Send(SelectCommand(kApplet, iotsafe::kAids.front().view())));
}

RelayAnswer Device::Send(ByteView apdu) {
  std::array<std::uint8_t, wire::kMaxResponse> space{};
  Bytes command(apdu.begin(), apdu.end());
  RelayAnswer answer;
  while (true) {
    const ByteView whole = ByteView(space).first(endpoint_->Transmit(command, space));
    const auto parsed = wire::ParseResponse(whole);
    SR_CHECK(parsed.has_value());
    answer.data.insert(answer.data.end(), parsed->data.begin(), parsed->data.end());
    answer.sw = static_cast<std::uint16_t>(parsed->sw);
    if ((answer.sw >> 8U) != 0x61) {
      return answer;
    }
    command = {LowByte(apdu.front() & 0x03U), 0xC0, 0x00, 0x00, LowByte(answer.sw)};
  }
}

RelayAnswer Device::AskApplet(std::string_view apdu) {
  Bytes command = Hex(apdu);
  command.front() = LowByte(command.front() | kApplet);
  return Send(command);
}

RelayHello Device::Hello() {
  RelayHello hello;
  hello.iccid = iccid_;
  const ByteView aid = iotsafe::kAids.front().view();
  hello.application_id.assign(aid.begin(), aid.end());
  hello.application_info = AskApplet("80CB000000").data;
  RelayAnswer list = AskApplet("80CB010000");
  while (list.sw == 0x6300) {
    hello.objects.push_back(list.data);
    list = AskApplet("80CB010100");
  }
  if (list.sw == 0x9000) {
    hello.objects.push_back(list.data);
  }
  hello.source = "127.0.0.1";
  return hello;
}

RelayHello Device::OpeningHello() {
  RelayHello hello = Hello();
  RelayOpening opening;
  opening.security_domain = Hex(kUsualDomain);
  opening.challenge = Hex("0102030405060708");  // what counts is the card's sequence number
  static_cast<void>(Send(SelectCommand(kDomain, opening.security_domain)));
  ++commands;
  opening.answer = Send(Join(Bytes{0x80 | kDomain, 0x50, 0x00, 0x00, 0x08}, opening.challenge, Bytes{0x00}));
  if (opening.answer.sw == 0x9000) {
    hello.opening = opening;
  }
  return hello;
}

Bytes Device::ReadFile(std::uint8_t id) {
  Bytes content;
  while (true) {
    const Bytes command{0x81, 0xB0, LowByte(content.size() >> 8U), LowByte(content.size()), 0x03, 0x83, 0x01, id, 0x00};
    const RelayAnswer answer = Send(command);
    content.insert(content.end(), answer.data.begin(), answer.data.end());
    if (answer.sw != 0x9000 || answer.data.empty()) {
      return content;
    }
  }
}

std::vector<RelayAnswer> Device::Run(const RelayBatch& batch) {
  std::vector<RelayAnswer> answers;
  if (!batch.security_domain.empty()) {
    static_cast<void>(Send(SelectCommand(kDomain, batch.security_domain)));
  }
  for (const Bytes& command : batch.commands) {
    if (vanishes_after && commands >= *vanishes_after) {
      return answers;
    }
    ++commands;
    Bytes on_channel = command;
    on_channel.front() = LowByte(on_channel.front() | kDomain);
    answers.push_back(Send(on_channel));
    const unsigned first = answers.back().sw >> 8U;
    if (answers.back().sw != 0x9000 && first != 0x62 && first != 0x63) {
      return answers;
    }
  }
  return answers;
}

Outcome<RelayBatch> Device::Session(OtaEngine& engine) {
  ++posts;
  auto batch = engine.Begin(opens ? OpeningHello() : Hello());
  while (batch && !batch->done) {
    const auto answers = Run(*batch);
    if (vanishes_after && commands >= *vanishes_after) {
      return batch;
    }
    ++posts;
    batch = engine.Continue(batch->session, batch->step, answers, "127.0.0.1");
  }
  return batch;
}

Outcome<RelayBatch> Device::SwitchOn(World& world, unsigned most) {
  Outcome<RelayBatch> last = Refuse(FailureKind::kInternal, "no session");
  for (unsigned i = 0; i < most; ++i) {
    last = Session(world.engine());
    if (!last || last->provisioned ||
        (last->done && last->retry_after_s == 0 && world.engine().Count().jobs_failed > 0)) {
      return last;
    }
    world.clock.now += last->retry_after_s;
  }
  return last;
}

}  // namespace simroot::provisioning
