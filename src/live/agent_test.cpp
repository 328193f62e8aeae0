#include "axs/live/agent.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "axs/host/clock.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/fake_worker_testing.h"
#include "axs/live/tap_testing.h"
#include "axs/live/underlay.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

constexpr std::uint32_t site_count = 3;
constexpr std::uint64_t budget = 20'000;

catalog::Link wire(std::uint32_t a, std::uint32_t b) {
  catalog::Link link;
  link.a = {a};
  link.b = {b};
  link.kind = catalog::LinkKind::wire;
  return link;
}

/// Two links between the first two sites, one between the others; clocks that differ.
catalog::Scenario three_sites() {
  catalog::Scenario scenario;
  scenario.name = "test";
  for (const char* name : {"sfo", "fra", "tyo"}) scenario.sites.emplace_back().name = name;
  scenario.sites[1].clock = {seconds(1'000), 200};
  scenario.sites[2].clock = {seconds(5), -200};
  scenario.links = {wire(0, 1), wire(0, 1), wire(1, 2), wire(2, 0)};
  scenario.model.context = FakeWorker::tokens_per_step;
  scenario.train.tokens = budget;
  scenario.train.sequences = site_count;
  scenario.train.outer.period = 10;
  scenario.train.outer.fragments = 2;
  return scenario;
}

/// A port that is free now.
std::uint16_t free_port() {
  return must(UdpPort::open_lasting("free port"))->local_port();
}

/// Three agents with fake workers around an emulator, each on a thread of its own. Link 0 passes a
/// tap on its way from site 0.
class World {
 public:
  explicit World(const net::PipeConfig& pipe, Tap::Mischief mischief = Tap::Mischief::none,
                 std::vector<catalog::Transfer> transfers = {}) {
    scenario.transfers = std::move(transfers);
    UnderlayConfig config;
    config.precision = Precision::ordinary;
    for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
      const catalog::Link& link = scenario.links[i];
      agent_ports_[{link.a, LinkId{i}}] = free_port();
      agent_ports_[{link.b, LinkId{i}}] = free_port();
      config.links.push_back({.id = LinkId{i},
                              .name = "link",
                              .a = link.a,
                              .b = link.b,
                              .forth = {pipe},
                              .back = {pipe},
                              .a_end = {0, agent_ports_[{link.a, LinkId{i}}]},
                              .b_end = {0, agent_ports_[{link.b, LinkId{i}}]}});
    }
    const std::uint16_t tap_out = free_port();
    config.links[0].a_end.peer = tap_out;
    underlay_ = must(Underlay::open(std::move(config)));
    underlay_thread_ = std::thread{[this] { underlay_->run(); }};
    tap.emplace(tap_out, underlay_->port(LinkId{0}, SiteId{0}),
                agent_ports_[{SiteId{0}, LinkId{0}}], mischief);
    for (std::uint32_t i = 0; i < site_count; ++i)
      workers.push_back(std::make_unique<FakeWorker>(SiteId{i}, scenario.train.outer.fragments));
    for (std::uint32_t i = 0; i < site_count; ++i) invite(SiteId{i});
    for (std::uint32_t i = 0; i < site_count; ++i) start(SiteId{i});
  }
  ~World() {
    for (Running& site : sites_)
      if (site.thread.joinable()) site.agent->stop(), site.agent->stop(), site.thread.join();
    underlay_->stop();
    underlay_thread_.join();
  }

  void start(SiteId id) {
    Running& site = sites_[id.value];
    site.agent = must(Agent::open(config(id)));
    site.done = {};
    site.result = site.done.get_future();
    site.thread = std::thread{[&site] { site.done.set_value(site.agent->run()); }};
  }
  /// Without a word to anyone.
  void kill(SiteId id) {
    Running& site = sites_[id.value];
    site.agent->stop();
    site.agent->stop();
    site.thread.join();
    site.agent.reset();
    workers[id.value]->kill();
  }
  /// Waits until all agents have ended by themselves.
  void finish() {
    for (Running& site : sites_) {
      REQUIRE(site.result.wait_for(std::chrono::minutes{2}) == std::future_status::ready);
      must(site.result.get());
      site.thread.join();
      site.agent.reset();
    }
    for (const auto& worker : workers) worker->kill();
  }
  std::string events(SiteId id) const { return file_of(id, "events.jsonl"); }
  std::string file_of(SiteId id, const std::string& name) const {
    std::ifstream file{folder_of(id) + "/" + name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  /// As a kill would have left it that came before the line of that sync was whole.
  void tear_events(SiteId id, std::uint64_t sync) const {
    const std::string fact = "\"type\":\"SyncApplied\",\"sync\":" + std::to_string(sync) + ",";
    const std::size_t at = events(id).find(fact);
    REQUIRE(at != std::string::npos);
    std::filesystem::resize_file(folder_of(id) + "/events.jsonl", at + fact.size());
  }
  /// Waits until so many bytes of files have been received there.
  void wait_received(SiteId id, std::uintmax_t bytes) const {
    const std::string folder = folder_of(id) + "/received";
    const auto received = [&folder] {
      std::uintmax_t sum = 0;
      std::error_code none;
      for (const auto& file : std::filesystem::directory_iterator{folder, none})
        sum += file.file_size(none);
      return sum;
    };
    for (int i = 0; i < 6'000 && received() < bytes; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    REQUIRE(received() >= bytes);
  }
  void forget_journal(SiteId id) const { std::filesystem::remove_all(folder_of(id) + "/journal"); }
  std::uint16_t agent_port(SiteId site, LinkId link) const { return agent_ports_.at({site, link}); }
  Underlay& underlay() { return *underlay_; }

  catalog::Scenario scenario = three_sites();
  std::vector<std::unique_ptr<FakeWorker>> workers;
  std::optional<Tap> tap;
  std::vector<EnrolmentToken> tokens;  ///< By site.
  Duration linger = seconds(30);       ///< Of agents that are started from now on.

 private:
  struct Running {
    std::unique_ptr<Agent> agent;
    std::thread thread;
    std::promise<Result<>> done;
    std::future<Result<>> result;
  };

  std::string folder_of(SiteId id) const { return folder_ / scenario.sites[id.value].name; }
  AgentConfig config(SiteId id) {
    AgentConfig config{.run = "r1",
                       .site = id,
                       .scenario = scenario,
                       .links = {},
                       .folder = folder_of(id),
                       .clock = clock_,
                       .worker = [this, id] { return workers[id.value]->launch(); },
                       .linger = linger};
    for (std::uint32_t i = 0; i < scenario.links.size(); ++i) {
      const LinkId link{i};
      if (!agent_ports_.contains({id, link})) continue;
      const bool tapped = id == SiteId{0} && i == 0;
      config.links.push_back(
          {link,
           {agent_ports_.at({id, link}), tapped ? tap->agent_side() : underlay_->port(link, id)}});
    }
    if (id == SiteId{0}) config.export_folder = "model", config.desk = desk_folder_.path();
    return config;
  }
  void invite(SiteId id) {
    const EnrolmentToken token =
        must(desk_.invite(scenario.sites[id.value].name, now_ + seconds(3600)));
    must(save_token(folder_of(id), token));
    tokens.push_back(token);
  }

  host::TemporaryFolder folder_, desk_folder_;
  catalog::UtcTime now_{host::unix_time().ns};
  StoredDesk desk_ = must(StoredDesk::create(desk_folder_.path(), "r1", now_));
  host::ClockMark clock_ = host::RunClock{Instant{}}.mark();
  std::map<std::pair<SiteId, LinkId>, std::uint16_t> agent_ports_;
  std::unique_ptr<Underlay> underlay_;
  std::thread underlay_thread_;
  std::array<Running, site_count> sites_;
};

/// Every site merged the same; each site's tokens once and without a gap, up to the budget and what
/// a site that was away did unheard.
void check_outcome(const World& world) {
  const auto& applied = world.workers[0]->applied();
  REQUIRE(applied.size() > 5);
  for (std::uint32_t i = 1; i < site_count; ++i) CHECK(world.workers[i]->applied() == applied);
  const std::uint32_t fragments = world.scenario.train.outer.fragments;
  for (std::uint32_t fragment = 0; fragment < fragments; ++fragment) {
    std::map<SiteId, std::uint64_t> ends;
    for (const auto& [sync, done] : applied) {
      if (train::fragment_of(sync, fragments) != fragment) continue;
      for (const train::Contribution& member : done.decision.members) {
        CHECK(member.tokens.begin == ends[member.site]);
        ends[member.site] = member.tokens.end;
      }
    }
    std::uint64_t sum = 0;
    for (const auto& [site, end] : ends) sum += end;
    CHECK(sum > budget - budget / 10);
    CHECK(sum < budget + budget / 10);
  }
  CHECK(applied.rbegin()->second.decision.last);
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}

const net::PipeConfig ten_milliseconds{.delay = milliseconds(10), .rate = bits_per_second(1e8)};

}  // namespace

TEST_SUITE_BEGIN("agent");

TEST_CASE("agent: three sites finish a run with the same decisions, and say so") {
  World world{ten_milliseconds};
  world.finish();
  check_outcome(world);
  for (std::uint32_t i = 0; i < site_count; ++i) {
    const std::string events = world.events(SiteId{i});
    CHECK(count(events, "\"type\":\"SyncApplied\"") == world.workers[i]->applied().size());
    CHECK(count(events, "\"type\":\"SiteFinished\"") == 1);
    CHECK(count(events, "\"type\":\"Enrolled\"") == 1);
    CHECK(count(events, "\"type\":\"Exported\"") == (i == 0 ? 1 : 0));
    CHECK(count(events, "\"reason\":\"finished\"") == 1);
    CHECK(count(events, "Diverged") == 0);
    CHECK(count(events, "Misbehaved") == 0);
  }
}

TEST_CASE("agent: its metrics agree with its record, and a sync leads to its messages") {
  World world{ten_milliseconds};
  world.finish();
  for (std::uint32_t i = 0; i < site_count; ++i) {
    const std::string metrics = world.file_of(SiteId{i}, "metrics.prom");
    const std::string labels = "{run=\"r1\",site=\"" + world.scenario.sites[i].name + "\"} ";
    const std::string events = world.events(SiteId{i});
    const auto says = [&](const std::string& name, std::size_t value) {
      CHECK_MESSAGE(count(metrics, "\n" + name + labels + std::to_string(value) + "\n") == 1,
                    metrics);
    };
    says("axs_agent_incarnation", 1);
    says("axs_sync_applied_total", world.workers[i]->applied().size());
    says("axs_sync_contributions_total", count(events, "\"type\":\"Contributed\""));
    CHECK(catalog::merge_metrics({metrics}) == metrics);
    // What of it was merged went to a peer under the sync's number; that one may have handed it on.
    const std::string own = "\"of\":\"" + world.scenario.sites[i].name + "\"";
    for (const auto& [sync, done] : world.workers[i]->applied()) {
      const std::string sent = "\"sync\":" + std::to_string(sync.value) + "," + own;
      for (const train::Contribution& member : done.decision.members)
        if (member.site == SiteId{i} && member.tokens.count() > 0) CHECK(count(events, sent) >= 1);
    }
  }
}

TEST_CASE("agent: a link that loses one packet in twenty changes nothing") {
  net::PipeConfig pipe = ten_milliseconds;
  pipe.loss = 0.05;
  World world{pipe};
  world.finish();
  check_outcome(world);
}

TEST_CASE("agent: killed in the middle and started again, it goes on from its folder") {
  World world{ten_milliseconds};
  REQUIRE(world.workers[1]->wait_applied(10));
  world.kill(SiteId{1});
  // The others go on without it.
  REQUIRE(world.workers[0]->wait_applied(20));
  world.start(SiteId{1});
  world.finish();
  check_outcome(world);
  CHECK(count(world.events(SiteId{1}), "\"incarnation\":2") >= 1);
}

TEST_CASE("agent: what a kill kept it from noting, its next life notes") {
  for (const bool journal_lost : {false, true}) {
    CAPTURE(journal_lost);
    World world{ten_milliseconds};
    REQUIRE(world.workers[1]->wait_applied(10));
    world.kill(SiteId{1});
    const std::uint64_t saved = world.workers[1]->saved().value;
    REQUIRE(saved > 3);
    world.tear_events(SiteId{1}, saved - 3);
    if (journal_lost) world.forget_journal(SiteId{1});
    world.start(SiteId{1});
    world.finish();
    check_outcome(world);
    const std::string events = world.events(SiteId{1});
    for (const auto& [sync, applied] : world.workers[1]->applied()) {
      const std::string fact =
          "\"type\":\"SyncApplied\",\"sync\":" + std::to_string(sync.value) + ",\"members\":[";
      CHECK(count(events, fact) >= 1);
      CHECK(count(events, to_hex(applied.hash)) >= 1);
      if (sync.value < saved) CHECK(count(events, fact) == 1);
    }
  }
}

TEST_CASE("agent: a worker that is killed is started again and the run goes on") {
  World world{ten_milliseconds};
  REQUIRE(world.workers[2]->wait_applied(10));
  world.workers[2]->kill();
  world.finish();
  check_outcome(world);
  CHECK(count(world.events(SiteId{2}), "\"type\":\"WorkerLost\"") == 1);
  CHECK(count(world.events(SiteId{2}), "\"type\":\"WorkerReady\"") == 2);
}

TEST_CASE("agent: the first path is cut, and the second carries on") {
  World world{ten_milliseconds};
  REQUIRE(world.workers[0]->wait_applied(5));
  must(world.underlay().post(CutLink{LinkId{0}, {}}));
  world.finish();
  check_outcome(world);
  CHECK(count(world.events(SiteId{0}), "\"type\":\"PathDown\"") >= 1);
}

namespace {

/// A file of random bytes, and what it holds.
std::string random_file(const std::string& path, std::size_t size) {
  Rng rng{size};
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(rng.next());
  std::ofstream{path, std::ios::binary} << bytes;
  return bytes;
}

}  // namespace

TEST_CASE("agent: files and made-up bytes go from site to site, and the run waits for them") {
  const host::TemporaryFolder folder;
  const std::string model = folder / "model.bin";
  const std::string bytes = random_file(model, 9'000'001);
  World world{ten_milliseconds,
              Tap::Mischief::none,
              {{SiteId{0}, SiteId{1}, "model.bin", model, bytes.size(), 0.2},
               {SiteId{1}, SiteId{2}, "transfer-2", "", 5'000'000, 1.0},
               {SiteId{2}, SiteId{0}, "gone.bin", folder / "gone.bin", 1, Duration{}}}};
  world.finish();
  check_outcome(world);
  CHECK(world.file_of(SiteId{1}, "received/model.bin") == bytes);
  CHECK(world.file_of(SiteId{2}, "received/transfer-2").size() == 5'000'000);
  CHECK(count(world.events(SiteId{0}), "\"type\":\"TransferBegan\"") == 1);
  CHECK(count(world.events(SiteId{0}), "\"type\":\"TransferDone\"") == 1);
  CHECK(count(world.events(SiteId{1}), "\"type\":\"TransferDone\"") == 1);
  CHECK(count(world.events(SiteId{2}), "gone.bin: No such file or directory") == 1);
  for (std::uint32_t i = 0; i < site_count; ++i)
    CHECK(count(world.events(SiteId{i}), "Misbehaved") == 0);
}

TEST_CASE("agent: a transfer goes on where it was when either end was killed") {
  const host::TemporaryFolder folder;
  const std::string model = folder / "model.bin";
  const std::string bytes = random_file(model, 40'000'000);
  World world{{.delay = milliseconds(10), .rate = bits_per_second(4e8)},
              Tap::Mischief::none,
              {{SiteId{0}, SiteId{1}, "model.bin", model, bytes.size(), Duration{}}}};
  world.wait_received(SiteId{1}, 1);
  world.kill(SiteId{1});
  world.start(SiteId{1});
  world.wait_received(SiteId{1}, 12'000'000);
  world.kill(SiteId{0});
  world.linger = seconds(1);  // The third site may be gone: nobody tells this life what it merged.
  world.start(SiteId{0});
  world.finish();
  CHECK(world.file_of(SiteId{1}, "received/model.bin") == bytes);
  const std::string events = world.events(SiteId{0});
  CHECK(count(events, "\"type\":\"TransferBegan\"") == 2);
  CHECK(count(events, "\"kept\":0}") == 1);
  CHECK(count(events, "\"type\":\"TransferDone\"") >= 1);
  CHECK(count(events + world.events(SiteId{1}), "Misbehaved") == 0);
}

TEST_CASE("agent: the wire shows no plaintext") {
  World world{ten_milliseconds};
  world.finish();
  const ByteVector wire = world.tap->captured();
  CHECK(wire.size() > FakeWorker::contribution_bytes);
  const auto on_wire = [&](ByteView bytes) {
    return std::search(wire.begin(), wire.end(), bytes.begin(), bytes.end()) != wire.end();
  };
  for (const EnrolmentToken& token : world.tokens) {
    CHECK_FALSE(on_wire(token.secret));
    CHECK_FALSE(on_wire(token.ca_fingerprint));
    const std::string text = token.text();
    CHECK_FALSE(on_wire({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  }
  for (std::uint32_t i = 0; i < 2; ++i)
    for (const ByteVector& contribution : world.workers[i]->contributions()) {
      CHECK_FALSE(on_wire(ByteView{contribution}.first(8)));
      CHECK_FALSE(on_wire(sha256(contribution)));
    }
}

TEST_CASE("agent: garbage, altered packets and repeated ones do no harm") {
  World world{ten_milliseconds, Tap::Mischief::garbage};
  const auto stranger = must(UdpPort::open({}, "stranger"));
  Rng rng{1};
  for (const auto& link : {LinkId{0}, LinkId{1}})
    for (const SiteId site : {SiteId{0}, SiteId{1}})
      for (int i = 0; i < 200; ++i) {
        const std::size_t size = 1 + rng.below(1'400);
        const ByteVector garbage(size, static_cast<std::uint8_t>(rng.next()));
        send_to(*stranger, world.agent_port(site, link), garbage);
      }
  world.finish();
  check_outcome(world);
}

TEST_SUITE_END();
