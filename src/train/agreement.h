#pragma once

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/train/decision.h"

namespace axs::train {

/// A leader's term of office: larger beats smaller, no two sites ever own the same one.
struct Ballot {
  std::uint32_t round{};
  SiteId site;
  auto operator<=>(const Ballot&) const = default;
};

/// A decision that one site has voted for; once a majority has, for the same ballot, it is chosen
/// for ever.
struct Vote {
  SyncId sync;
  Ballot ballot;
  Decision decision;
};

/// Messages between the sites. The names are those of Lamport, "Paxos made simple" (2001).
struct Prepare {
  Ballot ballot;
  SyncId from;
};
struct Promise {
  Ballot ballot;
  SyncId open;  ///< the sender knows all choices below
  std::vector<Vote>
      votes;  ///< all that the sender has cast and still holds, from the Prepare's `from` on
};
struct Refuse {
  Ballot promised;
};
struct Accept {
  Ballot ballot;
  SyncId sync;
  Decision decision;
};
/// Sent to every site, so that each learns of a choice one way after the votes, not after a round
/// trip.
struct Accepted {
  Ballot ballot;
  SyncId sync;
};
struct Heartbeat {
  Ballot ballot;
  SyncId open;  ///< the first sync that the leader has not seen chosen
};
struct Ask {
  SyncId from;
};
struct Learn {
  SyncId sync;
  Decision decision;
};
using AgreementMessage =
    std::variant<Prepare, Promise, Refuse, Accept, Accepted, Heartbeat, Ask, Learn>;

/// What must be on disk before the messages that rest on it leave.
struct Promised {
  Ballot ballot;
};
/// No message rests on a Choice; it spares a restarted site from asking.
struct Choice {
  SyncId sync;
  Decision decision;
};
using AgreementRecord = std::variant<Promised, Vote, Choice>;

/// Sites agree on one Decision per sync: Multi-Paxos with a stable leader. Safe whatever the
/// clocks, the links and the crashes do; it makes progress while a majority is up and can talk.
class Agreement {
 public:
  struct Propose {  ///< ignored unless this site may_propose() and the sync is the next
    SyncId sync;
    Decision decision;
  };
  struct Received {
    SiteId from;
    AgreementMessage message;
  };
  struct Persisted {  ///< all records up to this one are on disk
    std::uint64_t sequence{};
  };
  struct Suspected {  ///< the failure detector has lost sight of a site
    SiteId site;
  };
  struct Reached {  ///< it can be talked to (again): what was said before may be lost
    SiteId site;
  };
  using Event = std::variant<Wakeup, Propose, Received, Persisted, Suspected, Reached>;

  struct Send {
    SiteId to;
    AgreementMessage message;
  };
  struct Persist {
    std::uint64_t sequence{};
    AgreementRecord record;
  };
  struct Chosen {  ///< comes once for every sync, in the order of the syncs
    SyncId sync;
    Decision decision;
  };
  struct Leads {  ///< from now on that site leads, as far as this one knows
    SiteId site;
    Ballot ballot;
  };
  struct Behind {  ///< that site asks for choices that this one has forgotten: it needs a snapshot
    SiteId site;
  };
  struct Refused {  ///< no honest site would have said that; it was dropped
    SiteId from;
  };
  using Action = std::variant<Send, Persist, Chosen, Leads, Behind, Refused>;

  struct Config {
    SiteId self;
    std::uint32_t sites = 1;
    std::uint64_t contribution_max = contribution_carried;  ///< bytes, as Bounds has it
    std::uint32_t window = 1;  ///< so many syncs may be proposed and not yet chosen
    Duration heartbeat = milliseconds(200);
    /// Silence of the leader after which the first site stands for election; the others follow one
    /// heartbeat after another, so that they rarely stand against each other.
    Duration patience = seconds(1);
    SyncId first;  ///< everything below is known to be chosen and applied here
    std::vector<AgreementRecord> records;  ///< what an earlier life has persisted, in its order
  };

  explicit Agreement(Config config, Instant now);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return wakeup_; }

  bool leading() const { return role_ == Role::leader; }
  SiteId leader() const { return ballot_.site; }
  /// The first sync that is not chosen as far as this site knows.
  SyncId open() const { return open_; }
  /// Whether this site leads, and has not proposed as many syncs as may be open.
  bool may_propose() const {
    return role_ == Role::leader && next_proposal_.value < open_.value + config_.window;
  }
  /// The next sync that it would propose.
  SyncId next_proposal() const { return next_proposal_; }
  /// What was chosen for `sync`; none if that is not known here, or forgotten.
  const Decision* decision(SyncId sync) const;
  /// What this site has proposed for `sync`, if it leads and that is not chosen yet.
  const Decision* proposal(SyncId sync) const;
  /// Forgets what was chosen below `sync`; a site that far behind needs a snapshot.
  void forget_below(SyncId sync);
  /// A snapshot of the state before `sync` was installed: all below is chosen and applied. What
  /// this site knows beyond, up to open(), is not announced again: read it with decision(). The
  /// same holds after a restart.
  void skip_to(SyncId sync);

 private:
  enum class Role { follower, candidate, leader };
  struct Slot {
    std::optional<Vote> vote{};      ///< cast by this site
    std::optional<Vote> proposed{};  ///< the newest that a leader has sent
    Instant proposed_at{};
    std::optional<Decision> chosen{};
    std::map<Ballot, std::set<SiteId>> accepted{};
  };
  /// A message that may leave once the record it rests on is on disk; to itself too.
  struct Waiting {
    std::uint64_t sequence{};
    SiteId to;
    AgreementMessage message;
  };

  bool credible(const Received& event) const;
  bool in_reach(SyncId sync) const;
  void restore(const Promised& record);
  void restore(const Vote& record);
  void restore(const Choice& record);
  void on(const Wakeup&);
  void on(const Propose& event);
  void on(const Received& event);
  void on(const Persisted& event);
  void on(const Suspected& event);
  void on(const Reached& event);
  void receive(SiteId from, const Prepare& message);
  void receive(SiteId from, const Promise& message);
  void receive(SiteId from, const Refuse& message);
  void receive(SiteId from, const Accept& message);
  void receive(SiteId from, const Accepted& message);
  void receive(SiteId from, const Heartbeat& message);
  void receive(SiteId from, const Ask& message);
  void receive(SiteId from, const Learn& message);

  void stand_for_election();
  void take_office();
  void repeat_proposals();
  void propose(SyncId sync, Decision decision);
  void follow(Ballot ballot);
  void choose(SyncId sync, const Decision& decision);
  void choose_if_majority(SyncId sync);
  std::vector<Vote> votes_from(SyncId from) const;
  std::uint64_t persist(AgreementRecord record);
  void send(SiteId to, AgreementMessage message);
  void send_after(std::uint64_t sequence, SiteId to, AgreementMessage message);
  void send_to_others(const AgreementMessage& message);
  Duration own_patience() const;
  std::size_t majority() const { return config_.sites / 2 + 1; }

  Config config_;
  Role role_ = Role::follower;
  Ballot promised_;  ///< no message of a smaller ballot counts
  Ballot ballot_;    ///< of the leader that this site follows or is
  std::map<SyncId, Slot> slots_;
  SyncId open_;
  SyncId next_proposal_;
  std::map<SiteId, std::vector<Vote>> promises_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t persisted_ = 0;
  std::vector<Waiting> waiting_;
  std::optional<Instant> wakeup_;

  // Valid during step().
  Instant now_;
  std::vector<Action>* actions_ = nullptr;
};

static_assert(Policy<Agreement>);

}  // namespace axs::train
