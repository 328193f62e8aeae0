#include "axs/live/overlay.h"

#include "axs/fabric/link_plan.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/event_log.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

catalog::Scenario line_of_three() {
  catalog::Scenario scenario;
  for (const char* name : {"sfo", "fra", "tyo"}) scenario.sites.emplace_back().name = name;
  scenario.links.resize(2);
  scenario.links[0].a = {0}, scenario.links[0].b = {1};
  scenario.links[1].a = {1}, scenario.links[1].b = {2};
  return scenario;
}

net::Envelope by_way_of(LinkId link) {
  net::Envelope envelope{SiteId{0}, SiteId{2}, {}};
  envelope.relays.links[0] = link;
  envelope.relays.count = 1;
  return envelope;
}

void send(UdpPort& port, const ByteVector& packet) {
  const std::array<ByteView, 1> packets{packet};
  REQUIRE(port.send(packets) == 0);
}

}  // namespace

TEST_CASE(
    "overlay: a packet for another site is sent on over the link that it names, unread; one that "
    "comes before anything else does not keep it from opening its own sessions") {
  const catalog::Scenario scenario = line_of_three();
  const net::Topology topology = fabric::topology_of(scenario);
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  const auto middle_port = [] { return must(UdpPort::open_lasting("free"))->local_port(); };
  const std::uint16_t to_sfo = middle_port(), to_tyo = middle_port();
  const auto sfo = must(UdpPort::open({0, to_sfo}, "sfo"));
  const auto tyo = must(UdpPort::open({0, to_tyo}, "tyo"));
  const auto overlay = must(Overlay::open(
      *loop,
      {.run = "r1",
       .self = SiteId{1},
       .incarnation = {1},
       .scenario = scenario,
       .topology = topology,
       .identity = must(authority().issue_with_key("fra", noon)),
       .links = {{LinkId{0}, {to_sfo, sfo->local_port()}},
                 {LinkId{1}, {to_tyo, tyo->local_port()}}}},
      {.packet = [](SiteId, net::Packet, ByteView, Duration) { FAIL("for another site"); },
       .event = [](const fabric::Site::Event&) { FAIL("nothing has happened"); },
       .fact = [](const catalog::Fact&) {}}));

  net::HandshakeSegment segment;
  segment.from = {7};
  send(*sfo, net::handshake_packet(net::handshake_key({}), by_way_of(LinkId{9}),
                                   segment));  // No such link: dropped.
  const ByteVector packet =
      net::handshake_packet(net::handshake_key({}), by_way_of(LinkId{1}), segment);
  send(*sfo, packet);
  std::vector<ByteVector> relayed;
  bool opened = false;
  ReceiveBuffer buffer;
  must(loop->watch(tyo->fd(), host::Interest::readable, [&](host::Ready) {
    tyo->receive(buffer);
    for (const Received& got : buffer.packets) {
      const auto parsed = net::parse_packet(got.bytes);
      if (parsed && parsed->header.source == SiteId{0})
        relayed.emplace_back(got.bytes.begin(), got.bytes.end());
      opened |= parsed && parsed->header.source == SiteId{1};
    }
    if (!relayed.empty() && opened) loop->stop();
  }));
  loop->after(seconds(60), [&] { loop->stop(); });
  must(loop->run());
  loop->unwatch(tyo->fd());
  CHECK(opened);
  REQUIRE(relayed.size() == 1);
  CHECK(relayed[0][0] == 1);  // One relay has passed it on; all else is as it was.
  CHECK(ByteVector(relayed[0].begin() + 1, relayed[0].end()) ==
        ByteVector(packet.begin() + 1, packet.end()));
}

TEST_CASE("overlay: a session with a peer that has fallen silent is lost, and made again") {
  catalog::Scenario scenario;
  for (const char* name : {"sfo", "fra"}) scenario.sites.emplace_back().name = name;
  scenario.links.push_back({.a = {0}, .b = {1}});
  const net::Topology topology = fabric::topology_of(scenario);
  const auto loop = must(host::Loop::create(host::RunClock{Instant{} - seconds(3600)}));
  const auto free_port = [] { return must(UdpPort::open_lasting("free"))->local_port(); };
  const std::uint16_t ports[] = {free_port(), free_port()};
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  const auto run_authority = must(CertificateAuthority::create("r1", now));
  std::array<std::vector<std::string>, 2> facts;
  const auto overlay = [&](std::uint32_t site) {
    return must(Overlay::open(
        *loop,
        {.run = "r1",
         .self = SiteId{site},
         .incarnation = {1},
         .scenario = scenario,
         .topology = topology,
         .identity = must(run_authority.issue_with_key(scenario.sites[site].name, now)),
         .links = {{LinkId{0}, {ports[site], ports[1 - site]}}},
         .patience = milliseconds(500)},
        {.packet = [](SiteId, net::Packet, ByteView, Duration) { FAIL("nobody sends packets"); },
         .event =
             [](const fabric::Site::Event& event) {
               CHECK(std::holds_alternative<fabric::Site::PathWidth>(event));
             },
         .fact =
             [&facts, site, &loop](const catalog::Fact& fact) {
               std::visit([&]<class T>(const T&) { facts[site].emplace_back(type_name<T>()); },
                          fact);
               const auto twice = [](const auto& seen) {
                 return std::ranges::count(seen, "SessionUp") >= 2;
               };
               if (std::ranges::all_of(facts, twice)) loop->stop();
             }}));
  };
  const auto sfo = overlay(0), fra = overlay(1);
  // Nothing is sent once the session is up: both ends are about to lose it. The second may hear of
  // the new one before.
  loop->after(seconds(60), [&] { loop->stop(); });
  must(loop->run());
  for (const auto& seen : facts) {
    REQUIRE(seen.size() >= 2);
    CHECK(seen[0] == "SessionUp");
  }
  const auto lost = [](const auto& seen) { return seen[1] == "SessionLost"; };
  CHECK(std::ranges::any_of(facts, lost));
}

TEST_CASE("overlay: a newcomer is enrolled through a relay that has no certificate either") {
  const catalog::Scenario scenario = line_of_three();
  const net::Topology topology = fabric::topology_of(scenario);
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  const auto free_port = [] { return must(UdpPort::open_lasting("free"))->local_port(); };
  const std::array<std::uint16_t, 4> ports{free_port(), free_port(), free_port(), free_port()};
  const host::TemporaryFolder folder;
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  auto desk = must(StoredDesk::create(folder.path(), "r1", now));
  const EnrolmentToken token = must(desk.invite("tyo", now + seconds(3600)));
  const auto newcomer = [&](const char* site, const EnrolmentToken& with) {
    return Newcomer{with, site, must(create_private_key())};
  };
  EnrolmentToken unknown = token;
  unknown.secret[0] ^= 1;
  const Newcomer tyo_at_first = newcomer("tyo", token);
  std::optional<Error> fra_failed;
  std::optional<Credentials> tyo_became;
  bool session = false;
  const auto open = [&](std::uint32_t site, Overlay::Config config, Overlay::Callbacks does) {
    config.self = SiteId{site};
    if (site < 2) config.links.push_back({LinkId{0}, {ports[site], ports[1 - site]}});
    if (site > 0) config.links.push_back({LinkId{1}, {ports[1 + site], ports[4 - site]}});
    does.event = [](const fabric::Site::Event&) {};
    does.fact = [&, site](const catalog::Fact& fact) {
      const auto* up = std::get_if<catalog::SessionUp>(&fact);
      session |= up != nullptr && site == 2 && up->peer == "sfo";
      if (session && fra_failed) loop->stop();
    };
    return must(Overlay::open(*loop, std::move(config), std::move(does)));
  };
  const auto config = [&](SiteIdentity identity) {
    return Overlay::Config{.run = "r1",
                           .self = {},
                           .incarnation = {1},
                           .scenario = scenario,
                           .topology = topology,
                           .identity = std::move(identity),
                           .links = {}};
  };
  Overlay::Config home =
      config(must(must(CertificateAuthority::load(folder.path())).issue_with_key("sfo", now)));
  home.desk = std::move(desk);
  Overlay::Callbacks fra_does, tyo_does;
  fra_does.failed = [&](const Error& error) { fra_failed = error; };
  tyo_does.enrolled = [&](const Credentials& own) -> Result<> {
    tyo_became = own;
    return Ok{};
  };
  const auto sfo = open(0, std::move(home), {});
  const auto fra = open(1, config(newcomer("fra", unknown)), std::move(fra_does));
  const auto tyo = open(2, config(tyo_at_first), std::move(tyo_does));
  loop->after(seconds(60), [&] { loop->stop(); });
  must(loop->run());
  REQUIRE(fra_failed);
  CHECK(fra_failed->what == "enrolment refused: this token is not known to run r1");
  REQUIRE(tyo_became);
  CHECK(tyo_became->key == tyo_at_first.key);
  CHECK(must(certificate_identity(tyo_became->certificate)) == Identity{"r1", "tyo"});
  CHECK(session);
}

TEST_CASE("facts: a line names run, site, time and type, and a torn one is ended") {
  const host::TemporaryFolder folder;
  const catalog::FactOrigin origin{"r1", "sfo", Instant{} + seconds(2)};
  const std::string path = folder / "events.jsonl";
  const auto line = [&](const catalog::Fact& fact) {
    auto log = must(EventLog::open(path));
    must(log.write(origin, fact));
  };
  line(catalog::SyncApplied{4, {{"fra", 0, 64}}, {}});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  line(catalog::WorkerLost{"killed by signal 9"});
  const ByteVector bytes = must(host::read_file(path, 10'000));
  const std::string text{bytes.begin(), bytes.end()};
  CHECK(text.starts_with(
      R"({"v":5,"run":"r1","site":"sfo","at":2000000000,"type":"SyncApplied","sync":4,)"
      R"("members":[{"site":"fra","begin":0,"end":64}],"hash":"000)"));
  CHECK(
      text.ends_with("0\n"
                     R"({"v":5,"run":"r1","site":"sfo","at":2000000000,"type":"WorkerLost",)"
                     R"("reason":"killed by signal 9"})"
                     "\n"));
}

/// What lies between two agents: packets that are larger than it takes are lost.
class Narrow {
 public:
  static constexpr std::size_t wide = 1'420;
  using Ports = std::array<std::uint16_t, 2>;

  Narrow(host::Loop& loop, const Ports& agents, const Ports& middles) : loop_{loop} {
    for (std::size_t i = 0; i < 2; ++i) {
      ports_[i] = must(UdpPort::open({middles[i], agents[i]}, "between"));
      must(loop.watch(ports_[i]->fd(), host::Interest::readable,
                      [this, i](host::Ready) { pass(*ports_[i], *ports_[1 - i]); }));
    }
  }
  ~Narrow() {
    for (const auto& port : ports_) loop_.unwatch(port->fd());
  }

 private:
  void pass(UdpPort& from, UdpPort& to) {
    from.receive(buffer_);
    for (const Received& packet : buffer_.packets)
      if (packet.bytes.size() <= wide) to.send(std::array{packet.bytes});
  }

  host::Loop& loop_;
  std::array<std::unique_ptr<UdpPort>, 2> ports_;
  ReceiveBuffer buffer_;
};

TEST_CASE("overlay: packets of a path that carries data grow to what the path takes") {
  catalog::Scenario scenario;
  for (const char* name : {"sfo", "fra"}) scenario.sites.emplace_back().name = name;
  scenario.links.push_back({.a = {0}, .b = {1}});
  const net::Topology topology = fabric::topology_of(scenario);
  const auto loop = must(host::Loop::create(host::RunClock{Instant{}}));
  const auto free_port = [] { return must(UdpPort::open_lasting("free"))->local_port(); };
  const std::array<std::uint16_t, 2> ports{free_port(), free_port()},
      middles{free_port(), free_port()};
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  const auto run_authority = must(CertificateAuthority::create("r1", now));
  std::vector<std::unique_ptr<Overlay>> overlays;
  std::size_t arrived = 0;
  std::vector<std::uint32_t> widths;
  const net::PathId path{0};
  const auto send_data = [&] {
    ByteVector plain{static_cast<std::uint8_t>(PayloadKind::packet)};
    WireWriter{plain}.put(net::Packet{.from = 1, .to = 1, .path = path, .number = 7, .frames = {}});
    overlays[0]->send(SiteId{1}, path, plain);
    overlays[0]->flush();
  };
  const auto on_event = [&](std::uint32_t site, const fabric::Site::Event& event) {
    const auto* width = std::get_if<fabric::Site::PathWidth>(&event);
    REQUIRE(width != nullptr);
    if (site == 0) widths.push_back(width->size.bytes);
    if (site == 0 && widths.size() == 1) send_data();  // The session is up.
  };
  for (std::uint32_t site = 0; site < 2; ++site)
    overlays.push_back(must(Overlay::open(
        *loop,
        {.run = "r1",
         .self = SiteId{site},
         .incarnation = {1},
         .scenario = scenario,
         .topology = topology,
         .identity = must(run_authority.issue_with_key(scenario.sites[site].name, now)),
         .links = {{LinkId{0}, {ports[site], middles[site]}}}},
        {.packet = [&](SiteId, net::Packet, ByteView, Duration) { ++arrived; },
         .event = [&, site](const fabric::Site::Event& event) { on_event(site, event); },
         .fact = [](const catalog::Fact&) {}})));
  const Narrow between{*loop, ports, middles};
  const std::size_t around = net::OuterHeader::fixed_size + Aead::tag_size + 1;
  const std::size_t finest = Narrow::wide - net::MtuSearchConfig{}.step - around;
  const std::function<void()> look = [&] {
    if (widths.size() > 1 && widths.back() > finest) return loop->stop();
    loop->after(milliseconds(5), look);
  };
  look();
  loop->after(seconds(60), [&] { loop->stop(); });
  must(loop->run());
  CHECK(arrived == 1);
  REQUIRE(widths.size() > 1);
  CHECK(widths.front() == net::MtuSearchConfig{}.base - around);
  CHECK(widths.back() > finest);
  CHECK(widths.back() <= Narrow::wide - around);
}
