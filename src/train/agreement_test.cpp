#include "axs/train/agreement.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::train;

namespace {

/// Sites with disks that keep what was synced, crash and come back, over links that lose, delay,
/// reorder and partition. Checks while it runs that no two sites ever choose differently.
class Nemesis {
 public:
  Nemesis(std::uint64_t seed, std::uint32_t sites) : rng_{seed}, nodes_(sites) {
    for (std::uint32_t i = 0; i < sites; ++i) start(i);
  }

  void run(Instant until, bool faults) {
    while (now_ < until) {
      now_ = now_ + milliseconds(5);
      if (faults) disturb();
      for (std::uint32_t i = 0; i < nodes_.size(); ++i) tick(i);
      deliver();
    }
  }

  SyncId slowest() const {
    SyncId sync{~0ull};
    for (const Node& node : nodes_) sync = std::min(sync, node.known);
    return sync;
  }
  const std::map<SyncId, Decision>& history() const { return history_; }
  void heal() {
    cut_.clear();
    loss_ = 0;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i)
      if (!nodes_[i].policy) start(i);
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }

 private:
  struct Node {
    std::optional<Agreement> policy;
    std::vector<AgreementRecord> disk;
    std::vector<std::pair<std::uint64_t, AgreementRecord>> unsynced;
    Instant synced_at;
    SyncId known;      ///< what the application has durably applied
    SyncId installed;  ///< its journal may lack choices below: there is a snapshot
  };
  struct Flight {
    Instant at;
    SiteId from, to;
    AgreementMessage message;
  };

  void start(std::uint32_t i) {
    Node& node = nodes_[i];
    node.unsynced.clear();
    if (rng_.chance(0.5)) node.installed = node.known;  // A snapshot instead of the history.
    node.policy.emplace(Agreement::Config{.self = SiteId{i},
                                          .sites = size(),
                                          .window = 8,
                                          .first = node.installed,
                                          .records = node.disk},
                        now_);
    read_on(node);
  }

  /// What a site knew before it restarted is not announced again.
  void read_on(Node& node) {
    while (node.known < node.policy->open())
      apply(node, node.known, *node.policy->decision(node.known));
  }
  void apply(Node& node, SyncId sync, const Decision& decision) {
    node.known = std::max(node.known, next(sync));
    RC_ASSERT(history_.try_emplace(sync, decision).first->second == decision);
  }

  void disturb() {
    if (rng_.chance(0.002)) nodes_[rng_.below(size())].policy.reset();
    if (rng_.chance(0.004)) {
      const auto i = static_cast<std::uint32_t>(rng_.below(size()));
      if (!nodes_[i].policy) start(i);
    }
    if (rng_.chance(0.003)) cut_.insert({rng_.below(size()), rng_.below(size())});
    if (rng_.chance(0.006) && !cut_.empty()) cut_.erase(cut_.begin());
    if (rng_.chance(0.002)) loss_ = 0.3 * rng_.uniform();
  }

  void tick(std::uint32_t i) {
    Node& node = nodes_[i];
    if (!node.policy) return;
    if (node.policy->wakeup() <= now_) step(i, Wakeup{});
    if (!node.unsynced.empty() && node.synced_at <= now_) {
      const std::uint64_t upto = node.unsynced.back().first;
      for (auto& [sequence, record] : node.unsynced) node.disk.push_back(record);
      node.unsynced.clear();
      step(i, Agreement::Persisted{upto});
    }
    if (node.policy->leading() && rng_.chance(0.1)) {
      Decision decision;
      decision.members.push_back({SiteId{i}, {0, rng_.next() >> 20}, {}, 0});
      step(i, Agreement::Propose{node.policy->next_proposal(), decision});
    }
  }

  void step(std::uint32_t i, const Agreement::Event& event) {
    std::vector<Agreement::Action> actions;
    nodes_[i].policy->step(now_, event, actions);
    for (const auto& action : actions) std::visit([&](const auto& a) { perform(i, a); }, action);
  }
  void perform(std::uint32_t i, const Agreement::Send& send) {
    const bool lost = rng_.chance(loss_) || cut_.contains({i, send.to.value});
    if (!lost)
      flights_.push_back({now_ + milliseconds(static_cast<std::int64_t>(rng_.below(120))),
                          SiteId{i}, send.to, send.message});
  }
  void perform(std::uint32_t i, const Agreement::Persist& persist) {
    if (nodes_[i].unsynced.empty()) nodes_[i].synced_at = now_ + milliseconds(10);
    nodes_[i].unsynced.emplace_back(persist.sequence, persist.record);
  }
  void perform(std::uint32_t i, const Agreement::Chosen& chosen) {
    RC_ASSERT(chosen.sync <= nodes_[i].known);  // Again only what a crash took from the journal.
    apply(nodes_[i], chosen.sync, chosen.decision);
  }
  void perform(std::uint32_t, const Agreement::Leads&) {}
  void perform(std::uint32_t, const Agreement::Refused&) { RC_FAIL("refused an honest site"); }
  void perform(std::uint32_t i, const Agreement::Behind& behind) {
    // The application installs a snapshot at the site that is behind.
    Node& node = nodes_[behind.site.value];
    if (!node.policy || node.known >= nodes_[i].known) return;
    node.known = nodes_[i].known;
    node.installed = node.known;
    node.policy->skip_to(node.known);
    read_on(node);
  }

  void deliver() {
    std::vector<Flight> due;
    std::erase_if(flights_, [&](const Flight& flight) {
      if (flight.at > now_) return false;
      due.push_back(flight);
      return true;
    });
    for (const Flight& flight : due)
      if (nodes_[flight.to.value].policy)
        step(flight.to.value, Agreement::Received{flight.from, flight.message});
  }

  Rng rng_;
  std::vector<Node> nodes_;
  std::vector<Flight> flights_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> cut_;
  std::map<SyncId, Decision> history_;
  double loss_ = 0;
  Instant now_;
};

}  // namespace

TEST_CASE("agreement: three quiet sites choose the same decisions, in order") {
  Nemesis world{1, 3};
  world.run({seconds(10).ns}, false);
  CHECK(world.slowest().value > 100);
}

TEST_CASE("agreement: a site alone needs nobody") {
  Nemesis world{2, 1};
  world.run({seconds(2).ns}, false);
  CHECK(world.slowest().value > 20);
}

TEST_CASE("agreement: crashes, loss and partitions never make two sites choose differently") {
  CHECK(rc::check([](std::uint64_t seed) {
    Nemesis world{seed, 3 + 2 * static_cast<std::uint32_t>(seed % 2)};
    world.run({seconds(60).ns}, true);
    world.heal();
    const std::size_t before = world.history().size();
    world.run({seconds(90).ns}, false);
    // Once healed it goes on, and everyone is there.
    RC_ASSERT(world.history().size() > before + 50);
    RC_ASSERT(world.slowest().value > before);
  }));
}
