#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/train/agreement.h"
#include "axs/train/closing.h"
#include "axs/train/decision.h"
#include "axs/train/recent_durations.h"

namespace axs::train {

/// From a site to the others: a contribution, whose encoded bytes travel with the message.
struct Offer {
  SyncId sync;
  Contribution contribution;
  SyncId applied;  ///< the sender has saved its state with all syncs below merged: it needs no
                   ///< bytes of those
};
/// The sender lacks the bytes of a contribution that a decision names.
struct Need {
  SyncId sync;
  SiteId of;
};
/// Whether the sender's worker is at work; others do not wait for it when it is not.
struct Status {
  bool working = false;
};
/// The hash of the fragment's parameters after a sync: the same at all sites, or something is
/// corrupt.
struct StateHash {
  SyncId sync;
  Hash256 hash{};
};
using SyncMessage = std::variant<AgreementMessage, Offer, Need, Status, StateHash>;

/// The outer synchronisation as one site sees it (DiLoCo, Douillard et al. 2023; fragments in turn
/// and overlapped with computing as in Streaming DiLoCo, 2025; quorum and grace as in Decoupled
/// DiLoCo, 2026). It decides what the worker captures when, offers it to the other sites, agrees
/// with them on who is in, and has the worker merge exactly that. It never sees a tensor: the world
/// keeps the bytes by their hash.
class SiteSync {
 public:
  // From the worker.
  struct Captured {  ///< the bytes are in the world's store under contribution.content
    SyncId sync;
    Contribution contribution;
    SyncId
        applied;  ///< the worker saved its state, with this capture, all syncs below being merged
  };
  struct WorkerReady {
    SyncId applied;                 ///< the first sync that the saved state lacks
    std::vector<Captured> pending;  ///< captured, saved, and not known to be decided
  };
  struct WorkerLost {};
  struct Applied {
    SyncId sync;
    Hash256 hash{};
  };
  // From the other sites and the network.
  struct Received {
    SiteId from;
    SyncMessage message;
  };
  struct PeerUp {
    SiteId site;
  };
  struct PeerDown {
    SiteId site;
  };
  struct Persisted {
    std::uint64_t sequence{};
  };
  using Event = std::variant<Wakeup, Captured, WorkerReady, WorkerLost, Applied, Received, PeerUp,
                             PeerDown, Persisted>;

  // To the worker.
  struct Capture {  ///< replaces the order before: capture this sync after so many steps since the
                    ///< last capture
    SyncId sync;
    std::uint32_t steps = 0;
  };
  struct Apply {  ///< merge, step, correct the own parameters; in the order of the syncs
    SyncId sync;
    Decision decision;
    std::optional<std::uint64_t> stop;  ///< where this site stops computing
    std::uint64_t merged_tokens = 0;    ///< of all sites, for the learning-rate schedule
  };
  /// What will be merged unless the decision is an unusual one, known a trip before it: the worker
  /// may go on from there. The Apply follows in any case.
  struct Foresee {
    SyncId sync;
    std::vector<Contribution> members;
  };
  // To the world.
  struct Send {
    SiteId to;
    SyncMessage message;
    std::optional<Hash256> attached;  ///< bytes from the store that travel with it
  };
  struct Persist {
    std::uint64_t sequence{};
    AgreementRecord record;
  };
  struct Forget {  ///< these bytes are not needed any more
    Hash256 content{};
  };
  // For the record of the run.
  struct Closed {  ///< by this site as the leader
    SyncId sync;
    std::uint32_t members = 0;
    Duration waited;  ///< from the first contribution to the proposal
  };
  struct Diverged {
    SyncId sync;
    SiteId other;
  };
  struct Refused {  ///< that site sent what no honest one would; it was dropped
    SiteId from;
  };
  struct Finished {};
  using Action = std::variant<Capture, Apply, Foresee, Send, Persist, Forget, Closed, Diverged,
                              Refused, Finished>;

  struct Config {
    SiteId self;
    std::uint32_t sites = 1;
    std::uint64_t contribution_max = contribution_carried;  ///< bytes, as Bounds has it
    Budget::Config budget;
    Duration heartbeat = milliseconds(200);
    Duration patience = seconds(1);
    Duration start_patience = seconds(30);  ///< how long the start waits for all sites
    std::vector<AgreementRecord> records;   ///< of an earlier life
    std::vector<Hash256> stored;            ///< contents that the world's store kept from it
  };
  SiteSync(Config config, Instant now);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const;

  bool leading() const { return agreement_.leading(); }
  const Budget& budget() const { return budget_; }
  std::uint64_t merged_tokens() const { return budget_.merged(); }
  /// What of that sync counts, at all sites alike; null while its choice is not known here.
  const Decision* decision(SyncId sync) const {
    return sync.value < log_.size() ? &log_[sync.value] : nullptr;
  }
  /// How long bytes that a decision names may take before they are asked for again: twice the
  /// median of what contributions took to arrive, and 4 MAD; at least Config::patience. A second
  /// copy on a link that the first one fills makes both late.
  Duration asking_patience() const;

 private:
  /// What this site knows of one sync that is not yet applied everywhere.
  struct Open {
    std::map<SiteId, Contribution> offers;
    std::optional<Instant> first_at;
    std::optional<Instant> quorum_at;
    std::map<SiteId, Hash256> hashes;
    bool foreseen = false;  ///< the worker was told
  };
  /// Bytes that a decision names and this site lacks.
  struct Asked {
    Instant since;            ///< when they were missed first
    Instant at;               ///< when somebody was last asked, or `since`
    std::uint32_t times = 0;  ///< none if they should come by themselves
    SiteId of{};              ///< whom, if anybody was
  };
  struct Worker {
    SyncId applied;                          ///< the next to be handed over
    SyncId merged;                           ///< the first that it has not said to have merged
    SyncId capturing;                        ///< the next that it shall capture
    std::optional<std::uint32_t> ordered{};  ///< so it was told, after this many steps
    Instant ordered_at{};                    ///< when that was said first
  };

  void on(const Wakeup&);
  void on(const Captured& event);
  void on(const WorkerReady& event);
  void on(const WorkerLost&);
  void on(const Applied& event);
  void on(const Received& event);
  void on(const PeerUp& event);
  void on(const PeerDown& event);
  void on(const Persisted& event);
  void receive(SiteId from, const AgreementMessage& message);
  void receive(SiteId from, const Offer& message);
  void receive(SiteId from, const Need& message);
  void receive(SiteId from, const Status& message);
  void receive(SiteId from, const StateHash& message);
  void perform(const Agreement::Send& action);
  void perform(const Agreement::Persist& action);
  void perform(const Agreement::Chosen& action);
  void perform(const Agreement::Leads& action);
  void perform(const Agreement::Behind& action);
  void perform(const Agreement::Refused& action);

  void agree(const Agreement::Event& event);
  void settle();
  void note_absences();
  void begin_if_all_here();
  void offer(const Captured& captured);
  void send_offer(SiteId to, SyncId sync, const Contribution& contribution);
  bool credible(SiteId from, const Offer& message) const;
  bool near(SyncId sync) const;
  std::uint64_t near_syncs() const { return 4 * (config_.budget.fragments + 1); }
  void take_early_offers();
  void note_offer(SyncId sync, const Contribution& contribution);
  void note_quorum(SyncId sync, Open& open);
  void order_capture();
  void finish_if_over();
  void forget_leftovers(const std::vector<Captured>& pending);
  void apply_decided();
  bool has_all(const std::vector<Contribution>& members) const;
  void foresee();
  void ask_for_missing();
  void ask_for(SyncId sync, SiteId of);
  bool comes_by_itself(SyncId sync, SiteId of) const;
  void note_sent_unasked(SiteId from, SyncId sync);
  void note_arrival(SyncId sync, const Contribution& contribution);
  Instant asks_again_at(const Asked& asked, Duration patience) const;
  void close_if_due();
  void set_deadline(const Open& open);
  bool due(SyncId sync, const Open& open) const;
  Budget with_proposals() const;
  Decision decide(SyncId sync, const Open& open) const;
  std::vector<Contribution> left_behind(SyncId sync, const Budget& ledger) const;
  static std::vector<Contribution> members(SyncId sync, const Open& open, const Budget& ledger);
  static bool complete(const Open& open, const std::set<SiteId>& sites);
  void learn(SyncId sync, const Decision& decision);
  void compare_hash(SyncId sync, SiteId site, const Hash256& hash);
  void forget_old();
  void discard(const Contribution& offered);
  bool is_offered(const Hash256& content) const;
  /// Sites that can be reached and whose workers are at work: those that a sync waits for.
  std::set<SiteId> live() const;
  /// These, and those that left a moment ago: the run does not end without them.
  std::set<SiteId> expected() const;
  /// The live ones that still have something to put into this sync's fragment.
  std::set<SiteId> awaited(SyncId sync) const;
  std::uint32_t steps_before(SyncId sync) const;
  std::uint32_t steps_now(SyncId sync) const;
  void send(SiteId to, SyncMessage message, std::optional<Hash256> attached = std::nullopt);
  void send_to_peers(const SyncMessage& message);

  Config config_;
  Agreement agreement_;
  Budget budget_;
  GraceWindow grace_;
  std::vector<Decision> log_;  ///< what was chosen, as far as it counts, by sync
  std::map<SyncId, Open> open_;
  std::optional<Worker> worker_;
  std::set<SiteId> peers_;  ///< that can be reached
  /// Whose workers are at work, as they said last; this site too. Also of those that cannot be
  /// reached: one that has never missed this site says it no second time.
  std::set<SiteId> working_;
  std::set<SiteId> present_;           ///< live ones, when that was last looked at
  std::map<SiteId, Instant> left_at_;  ///< since when a site that took part is not live
  std::map<SiteId, SyncId> saved_;     ///< Offer::applied of each site
  /// What each site has offered too far ahead of what this one knows of; the newest, if there are
  /// many.
  std::map<SiteId, std::map<SyncId, Contribution>> early_;
  std::map<SiteId, std::uint64_t> seen_;  ///< how far each site was heard to be in its shard
  std::set<Hash256> stored_;
  std::set<Hash256> leftovers_;  ///< of an earlier life, and no decision names them
  SyncId forgotten_;             ///< nothing is kept of the syncs below
  std::map<std::pair<SyncId, SiteId>, Asked> asked_;
  RecentDurations arrivals_;  ///< what contributions of others took
  std::map<SiteId, SyncId>
      offers_since_;  ///< from this sync on each site offers without being asked
  std::optional<Instant> learned_at_;
  std::optional<Instant> deadline_;
  std::optional<SyncId> last_;
  Instant begin_at_;
  bool begun_ = false;  ///< all sites were here once, or the patience ran out
  bool finished_ = false;

  // Valid during step().
  Instant now_;
  std::vector<Action>* actions_ = nullptr;
};

static_assert(Policy<SiteSync>);

}  // namespace axs::train
