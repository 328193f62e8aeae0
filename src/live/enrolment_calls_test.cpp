#include "axs/live/enrolment_calls.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "axs/core/rng.h"
#include "axs/host/clock.h"
#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/run_testing.h"
#include "axs/net/tunnel_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

constexpr SiteId home{0}, fra{1};
const Identity who{"r1", "fra"};

using net::testing::LinkFaults;
const LinkFaults bad_link{.loss = 0.3,
                          .duplicate = 0.2,
                          .corrupt = 0.2,
                          .delay_min = milliseconds(10),
                          .delay_max = milliseconds(400)};

/// With which somebody might begin an attempt that is newer than any of the agent's.
const net::HandshakeSegment some_segment{
    .kind = net::SegmentKind::stream, .from = {9}, .attempt = 9, .data = ByteVector(100, 1)};

/// The desk of run r1 in a folder, with one invitation, to fra.
struct Disk {
  explicit Disk(Duration valid = seconds(3600)) : token{must(desk().invite("fra", now + valid))} {
    must(save_token(site(), token));
  }
  StoredDesk desk() const { return must(StoredDesk::open(folder.path())); }
  std::string site() const { return folder / "fra"; }
  ByteVector token_text() const { return must(host::read_file(site() + "/token", 1'000)); }

  host::TemporaryFolder folder;
  catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  bool made = StoredDesk::create(folder.path(), "r1", now).has_value();
  EnrolmentToken token;
};

/// Both agents under a virtual clock, with a link between them that misbehaves. What they keep is
/// on the disk; all else is gone when one of them is killed.
class World {
 public:
  World(const Disk& disk, std::uint64_t seed, const LinkFaults& faults)
      : disk_{disk}, faults_{faults}, rng_{seed} {
    key = net::enrolment_key(disk.token.ca_fingerprint);
    boot_home();
    boot_agent();
  }

  void boot_home() { desk_.emplace(home, net::Incarnation{++home_starts_}, disk_.desk()); }
  void boot_agent() {
    const SiteIdentity identity = must(load_identity(disk_.site(), who));
    call_.emplace(CallToDesk::Config{.self = fra,
                                     .home = home,
                                     .incarnation = {++agent_starts_},
                                     .newcomer = std::get<Newcomer>(identity)});
    call_->open(now);
    collect();
  }
  /// A reply that arrives after this is not saved: the agent is killed first.
  void lose_next_outcome() { lose_outcome_ = true; }

  /// Until the agent has an outcome; false if it has none before `limit`.
  bool run_until(Instant limit) {
    while (!outcome) {
      const Instant next = next_instant();
      if (next > limit) return false;
      now = std::max(now, next);
      advance();
    }
    return true;
  }
  void deliver_to_home(const ByteVector& packet) {
    deliver(true, packet);
    collect();
  }

  Instant now{};
  net::MarkKey key;
  std::optional<Result<Credentials>> outcome;
  ByteVector wire;
  int packets_to_agent = 0;

 private:
  struct Arrival {
    bool at_home;
    ByteVector packet;
  };
  static constexpr Instant never{INT64_MAX};

  Instant next_instant() const {
    const Instant arrival = arrivals_.empty() ? never : arrivals_.begin()->first.first;
    return std::min({arrival, call_->wakeup().value_or(never), desk_->wakeup().value_or(never)});
  }
  void advance() {
    call_->wake(now);
    desk_->wake(now);
    while (!arrivals_.empty() && arrivals_.begin()->first.first <= now) {
      const Arrival arrival = std::move(arrivals_.begin()->second);
      arrivals_.erase(arrivals_.begin());
      deliver(arrival.at_home, arrival.packet);
    }
    collect();
  }
  void deliver(bool at_home, const ByteVector& bytes) {
    const auto packet = net::parse_packet(bytes);
    if (!packet) return;
    auto segment = net::parse_handshake(key, *packet);
    if (!segment) return;
    if (at_home)
      must(desk_->take(now, packet->header.source, *std::move(segment)));
    else
      call_->take(now, *std::move(segment));
  }
  void collect() {
    for (auto& segment : call_->take_segments()) send({fra, home, {}}, segment);
    for (auto& [to, segment] : desk_->take_segments()) send({home, to, {}}, segment);
    auto reached = call_->outcome();
    if (!reached) return;
    if (std::exchange(lose_outcome_, false)) return boot_agent();
    outcome = std::move(reached);
    if (*outcome) must(save_credentials(disk_.site(), **outcome));
  }
  void send(const net::Envelope& envelope, const net::HandshakeSegment& segment) {
    const ByteVector packet = net::handshake_packet(key, envelope, segment);
    wire.insert(wire.end(), packet.begin(), packet.end());
    packets_to_agent += envelope.destination == fra;
    for (int copies = rng_.chance(faults_.duplicate) ? 2 : 1; copies > 0; --copies) {
      if (rng_.chance(faults_.loss)) continue;
      ByteVector copy = packet;
      if (rng_.chance(faults_.corrupt)) copy[rng_.below(copy.size())] ^= 1;
      const Duration spread = faults_.delay_max - faults_.delay_min;
      const Duration delay = faults_.delay_min + scaled(spread, rng_.uniform());
      arrivals_.emplace(std::pair{now + delay, sequence_++},
                        Arrival{envelope.destination == home, std::move(copy)});
    }
  }

  const Disk& disk_;
  LinkFaults faults_;
  Rng rng_;
  std::optional<CallsAtDesk> desk_;
  std::optional<CallToDesk> call_;
  std::uint32_t home_starts_ = 0, agent_starts_ = 0;
  bool lose_outcome_ = false;
  std::map<std::pair<Instant, std::uint64_t>, Arrival> arrivals_;
  std::uint64_t sequence_ = 0;
};

bool contains(const ByteVector& bytes, ByteView part) {
  return std::search(bytes.begin(), bytes.end(), part.begin(), part.end()) != bytes.end();
}

Credentials enrolled_by(World& world, Duration limit) {
  REQUIRE(world.run_until(world.now + limit));
  return must(*world.outcome);
}

}  // namespace

TEST_CASE("enrolment call: on a good link an agent has its certificate after two round trips") {
  const Disk disk;
  World world{disk, 1, {}};
  const Credentials own = enrolled_by(world, seconds(10));
  CHECK(world.now == Instant{} + milliseconds(160));
  CHECK(must(certificate_identity(own.certificate)) == who);
  // It is on the disk, under the key that was made there, and the token is gone.
  CHECK(enrolled(disk.site()));
  const SiteIdentity identity = must(load_identity(disk.site(), who));
  REQUIRE(std::holds_alternative<Credentials>(identity));
  CHECK(std::get<Credentials>(identity).certificate == own.certificate);
  CHECK_FALSE(host::read_file(disk.site() + "/token", 1'000));
  CHECK_FALSE(contains(world.wire, disk.token.secret));
  CHECK_FALSE(contains(world.wire, disk.token.ca_fingerprint));
}

TEST_CASE("enrolment call: through loss, reordering, repeats and altered packets") {
  CHECK(rc::check([] {
    const Disk disk;
    World world{disk, *rc::gen::arbitrary<std::uint64_t>(), bad_link};
    RC_ASSERT(world.run_until(Instant{} + seconds(600)));
    RC_ASSERT(world.outcome->has_value());
  }));
}

TEST_CASE("enrolment call: either agent may be killed at any moment, over a bad link") {
  CHECK(rc::check([] {
    const Disk disk;
    World world{disk, *rc::gen::arbitrary<std::uint64_t>(), bad_link};
    for (int kills = *rc::gen::inRange(1, 5); kills > 0 && !world.outcome; --kills) {
      if (world.run_until(world.now + milliseconds(*rc::gen::inRange(0, 3'000)))) break;
      *rc::gen::arbitrary<bool>() ? world.boot_home() : world.boot_agent();
    }
    RC_ASSERT(world.run_until(world.now + seconds(600)));
    RC_ASSERT(world.outcome->has_value());
  }));
}

TEST_CASE("enrolment call: killed between the reply and the disk, it gets the same once more") {
  const Disk disk;
  World world{disk, 1, {}};
  world.lose_next_outcome();
  const Credentials own = enrolled_by(world, seconds(60));
  // The desk remembers one certificate, although it was asked twice.
  const Newcomer again{disk.token, "fra", own.key};
  StoredDesk desk = disk.desk();
  CHECK(must(enrol_at(desk, again, disk.now)).certificate == own.certificate);
}

TEST_CASE("enrolment call: a token that another key has used is refused, also after a restart") {
  const Disk disk;
  World first{disk, 1, {}};
  (void)enrolled_by(first, seconds(10));
  // A thief has a copy of the token, and a folder of its own.
  std::filesystem::remove_all(disk.site());
  must(save_token(disk.site(), disk.token));
  World second{disk, 1, {}};
  REQUIRE(second.run_until(Instant{} + seconds(10)));
  REQUIRE_FALSE(*second.outcome);
  CHECK(second.outcome->error().what ==
        "enrolment refused: the token for site fra has been used, want a new one for each agent");
  CHECK_FALSE(enrolled(disk.site()));
}

TEST_CASE("enrolment call: an expired token is refused by the desk") {
  const Disk disk{-seconds(1)};
  World world{disk, 1, {}};
  REQUIRE(world.run_until(Instant{} + seconds(10)));
  REQUIRE_FALSE(*world.outcome);
  CHECK(world.outcome->error().what.find("expired at") != std::string::npos);
}

TEST_CASE("enrolment call: a token of another run is not even sent") {
  const Disk disk;
  const auto other = load_identity(disk.site(), {"r2", "fra"});
  REQUIRE_FALSE(other);
  CHECK(other.error().what == disk.site() + "/token: for run r1, want one for run r2");
}

TEST_CASE("enrolment call: the desk of another run with the same name does not answer") {
  const Disk disk, other;
  for (const Disk* of : {&disk, &other}) {
    World world{disk, 1, {}};
    const net::MarkKey key = net::enrolment_key(of->token.ca_fingerprint);
    world.deliver_to_home(net::handshake_packet(key, {fra, home, {}}, some_segment));
    CHECK((world.packets_to_agent > 0) == (of == &disk));
  }
}

TEST_CASE("enrolment call: forged packets change nothing") {
  const Disk disk;
  World world{disk, 1, {}};
  const net::MarkKey guess = net::enrolment_key({});
  const net::MarkKey other_type = net::handshake_key(disk.token.ca_fingerprint);
  for (const net::MarkKey& key : {guess, other_type}) {
    world.deliver_to_home(net::handshake_packet(key, {fra, home, {}}, some_segment));
    // Nor does the right mark of another type, on a packet that says it is of this one.
    ByteVector relabelled = net::handshake_packet(key, {fra, home, {}}, some_segment);
    relabelled[1] = 0x12;
    world.deliver_to_home(relabelled);
  }
  CHECK(world.packets_to_agent == 0);
  (void)enrolled_by(world, seconds(10));
  CHECK(world.now == Instant{} + milliseconds(160));
}

TEST_CASE("enrolment files: a site without token and certificate says what it wants") {
  const host::TemporaryFolder folder;
  const auto nobody = load_identity(folder.path(), who);
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().what == folder.path() +
                                   "/token: no token there and the site has no certificate, want "
                                   "the token of its invitation to the run");
}

TEST_CASE("enrolment files: a token left behind by a kill goes at the next start") {
  const Disk disk;
  StoredDesk desk = disk.desk();
  const auto identity = must(load_identity(disk.site(), who));
  must(save_credentials(disk.site(), must(enrol_at(desk, std::get<Newcomer>(identity), disk.now))));
  must(save_token(disk.site(), disk.token));
  REQUIRE(std::holds_alternative<Credentials>(must(load_identity(disk.site(), who))));
  CHECK_FALSE(host::read_file(disk.site() + "/token", 1'000));
}

TEST_CASE("enrolment files: the key is kept from the first start on; damaged records are noticed") {
  const Disk disk;
  const auto first = must(load_identity(disk.site(), who));
  const auto second = must(load_identity(disk.site(), who));
  CHECK(std::get<Newcomer>(first).key == std::get<Newcomer>(second).key);
  const std::string path = disk.folder / "tokens";
  ByteVector bytes = must(host::read_file(path, 10'000));
  CHECK_FALSE(contains(bytes, disk.token.secret));
  bytes[bytes.size() / 2] ^= 1;
  must(host::write_file_atomically(path, bytes, host::FileAccess::owner_only));
  const auto damaged = StoredDesk::open(disk.folder.path());
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().what == path + ": damaged, its checksum does not fit");
}
