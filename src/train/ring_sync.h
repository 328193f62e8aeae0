#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/train/ring.h"
#include "axs/train/site_sync.h"

namespace axs::train {

/// A piece of a gradient on a hop round the ring; its values travel with it.
struct Chunk {
  std::uint64_t attempt{};
  SyncId step;
  std::uint32_t piece{};
  std::uint32_t hop{};
  std::uint32_t size{};  ///< in bytes
};

/// How the sites get in step: all stop, all go to the same saved state, all go on.
enum class RingStage : std::uint8_t { halted, rewound, running };

/// From the first site, which leads, to every site, and from there to its worker.
struct RingOrder {
  std::uint64_t attempt{};
  RingStage stage{};
  SyncId from;  ///< rewound: to the state in which this step is the next
};
/// What a worker does; from it to its site, and from there to the leader.
struct RingReport {
  std::uint64_t attempt{};  ///< 0: of a new worker
  RingStage stage{};
  SyncId saved;  ///< the step that follows its newest saved state
};
using RingMessage = std::variant<RingOrder, RingReport, Chunk, StateHash>;

/// After so many steps workers save their state, and after the last.
inline constexpr std::uint64_t ring_save_period = 50;

/// How many steps a budget of tokens is; at least one.
constexpr std::uint64_t ring_steps(std::uint64_t tokens, std::uint64_t tokens_per_step) {
  return std::max<std::uint64_t>(1, tokens / tokens_per_step);
}

/// Plain synchronous data parallelism as one site sees it: every step the gradients of all sites
/// are summed on the ring (train/ring.h), then every worker takes the same optimiser step. It is
/// the baseline of SiteSync and has none of its virtues: it waits for whoever is slow, cut off or
/// dead. A worker that was started again makes all go back to the newest state that all have
/// saved; a number of the attempt tells what is left over from before.
///
/// Workers save after the same steps, and the newest two states. No site can be more than a step
/// ahead of another, so the newest state of the one that is behind is always among the two of each.
class RingSync {
 public:
  // From the worker.
  using WorkerReady = SiteSync::WorkerReady;  ///< nothing is ever pending
  using WorkerLost = SiteSync::WorkerLost;
  using Applied = SiteSync::Applied;
  using Reported = RingReport;
  struct Made {  ///< by the worker, with its values
    Chunk chunk;
  };
  // From the other sites and the network.
  struct Received {
    SiteId from;
    RingMessage message;
  };
  using PeerUp = SiteSync::PeerUp;
  using PeerDown = SiteSync::PeerDown;
  using Event = std::variant<Wakeup, WorkerReady, WorkerLost, Applied, Reported, Made, Received,
                             PeerUp, PeerDown>;

  // To the worker.
  using Order = RingOrder;
  struct Give {  ///< the values of the chunk that this step was given
    Chunk chunk;
  };
  // To the world.
  struct Send {  ///< a chunk takes the values along that this step was given
    SiteId to;
    RingMessage message;
  };
  using Diverged = SiteSync::Diverged;
  using Finished = SiteSync::Finished;
  using Action = std::variant<Order, Give, Send, Diverged, Finished>;

  struct Config {
    SiteId self;
    std::uint32_t sites = 1;
    std::uint64_t steps = 1;
    std::uint64_t tokens_per_step = 1;  ///< of all sites
  };
  /// `incarnation` grows with every start of this agent. So the attempts of a head are above those
  /// of the heads before it, whose orders may still be obeyed, and answered.
  explicit RingSync(Config config, std::uint32_t incarnation = 0)
      : config_{config}, attempt_{std::uint64_t{incarnation} << 32} {}

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  /// Never: whoever waits here waits for a message.
  std::optional<Instant> wakeup() const { return std::nullopt; }

  /// Over all sites, in the steps that this site's worker has done.
  std::uint64_t merged_tokens() const { return applied_.value * config_.tokens_per_step; }

 private:
  static constexpr SiteId head{0};

  void on(const Wakeup&) {}
  void on(const WorkerReady& event);
  void on(const WorkerLost&);
  void on(const Applied& event);
  void on(const Reported& event);
  void on(const Made& event);
  void on(const Received& event);
  void on(const PeerUp& event);
  void on(const PeerDown& event);
  void receive(SiteId from, const RingOrder& order);
  void receive(SiteId from, const RingReport& report);
  void receive(SiteId from, const Chunk& chunk);
  void receive(SiteId from, const StateHash& message);

  void report();
  void hear(SiteId from, const RingReport& report);
  void get_in_step();
  void order(RingStage stage, SyncId from);
  bool obeys(const RingOrder& order) const;
  void compare(SyncId step, SiteId site, const Hash256& hash);
  void send(SiteId to, const RingMessage& message) { actions_->push_back(Send{to, message}); }

  Config config_;
  std::optional<RingReport> own_;  ///< What the worker does; none while there is none.
  RingOrder told_;                 ///< Its last order, which it may not have answered yet.
  SyncId applied_;                 ///< The next step of the worker.
  bool head_up_ = false;
  std::map<SyncId, std::map<SiteId, Hash256>> hashes_;

  // Of the head.
  std::map<SiteId, RingReport> reports_;
  std::uint64_t attempt_;
  RingStage stage_ = RingStage::running;
  bool out_of_step_ = false;  ///< A worker is new since the attempt began.

  // Valid during step().
  std::vector<Action>* actions_ = nullptr;
};

static_assert(Policy<RingSync>);

}  // namespace axs::train
