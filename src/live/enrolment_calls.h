#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "axs/live/enrolment_files.h"
#include "axs/net/tunnel.h"

/// Enrolment over the overlay: the conversation goes through the reliable stream of
/// net::TunnelPolicy, in packets of their own type. No socket is opened: segments go in and out.
namespace axs::live {

/// One conversation with one other site, repeated until it has an outcome: performs what the policy
/// decides with an EnrolmentClient or an EnrolmentServer.
template <class End>
class EnrolmentCall {
 public:
  using Make = std::function<Result<End>()>;

  EnrolmentCall(const net::TunnelConfig& config, Make make)
      : policy_{config}, make_{std::move(make)} {}

  /// Wants an outcome from now on.
  void open(Instant now) { step(now, net::OpenTunnel{}); }
  std::optional<Instant> wakeup() const { return policy_.wakeup(); }
  void wake(Instant now);
  void take(Instant now, net::HandshakeSegment segment);

  /// This side of the conversation under way; null if there is none.
  End* end() { return talk_ ? &talk_->end : nullptr; }
  /// After end() was told something other than bytes, with what came of it.
  void pump(Instant now, const Result<>& told);

  /// Since it was last asked.
  std::vector<net::HandshakeSegment> take_segments() { return std::exchange(segments_, {}); }
  /// Why a conversation came to nothing; likewise.
  std::optional<Error> take_failure() { return std::exchange(failure_, {}); }

 private:
  struct Talk {
    net::HandshakeId id;
    End end;
  };

  void step(Instant now, const net::TunnelEvent& event);
  void perform(net::SendSegment& action) { segments_.push_back(std::move(action.segment)); }
  void perform(net::StartTls& action);
  void perform(net::FeedTls& action);
  void perform(net::DropTls& action);
  void perform(net::Establish&) {}  // Its outcome is all that is wanted of it,
  void perform(net::Rekey&) {}      // not its keys.

  net::TunnelPolicy policy_;
  Make make_;
  std::optional<Talk> talk_;
  std::vector<net::HandshakeSegment> segments_;
  std::optional<Error> failure_;
  Instant now_;
};

/// A newcomer's call to the desk at the home site.
class CallToDesk {
 public:
  struct Config {
    SiteId self;
    SiteId home;
    net::Incarnation incarnation{};  ///< Of this agent, from 1.
    Newcomer newcomer;
  };
  explicit CallToDesk(Config config);

  void open(Instant now) { call_.open(now); }
  std::optional<Instant> wakeup() const { return call_.wakeup(); }
  void wake(Instant now) { call_.wake(now); }
  void take(Instant now, net::HandshakeSegment segment) { call_.take(now, std::move(segment)); }

  std::vector<net::HandshakeSegment> take_segments() { return call_.take_segments(); }
  std::optional<Error> take_failure() { return call_.take_failure(); }
  /// As EnrolmentClient's: nothing more will come.
  std::optional<Result<Credentials>> outcome();

 private:
  EnrolmentCall<EnrolmentClient> call_;
};

/// The home agent's side of the calls of all other sites.
class CallsAtDesk {
 public:
  struct Segment {
    SiteId to;
    net::HandshakeSegment segment;
  };

  CallsAtDesk(SiteId self, net::Incarnation incarnation, StoredDesk desk)
      : self_{self}, incarnation_{incarnation}, desk_{std::move(desk)} {}
  CallsAtDesk(const CallsAtDesk&) = delete;

  /// A segment from another site of the run. An error if the desk's folder cannot be written: then
  /// nothing has been granted.
  Result<> take(Instant now, SiteId from, net::HandshakeSegment segment);
  std::optional<Instant> wakeup() const;
  void wake(Instant now);

  /// Since it was last asked.
  std::vector<Segment> take_segments();
  std::optional<std::pair<SiteId, Error>> take_failure();

 private:
  using Call = EnrolmentCall<EnrolmentServer>;
  Call& call_of(SiteId site);

  SiteId self_;
  net::Incarnation incarnation_;
  StoredDesk desk_;
  std::map<SiteId, Call> calls_;
};

}  // namespace axs::live
