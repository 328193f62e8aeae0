#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "axs/core/policy.h"
#include "axs/net/ack_tracker.h"
#include "axs/net/frame.h"
#include "axs/net/path_sender.h"
#include "axs/net/reassembly.h"
#include "axs/net/send_queue.h"
#include "axs/net/token_bucket.h"

namespace axs::net {

/// Send `size` bytes, which the world holds under (traffic, message) until Acknowledged or
/// CancelMessage. Ids are the caller's; among the unfinished ones of a class they are unique.
/// 0 < size <= SendQueue::max_message.
struct SendMessage {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint64_t size{};
};
/// Give a message up: no Acknowledged will come. The peer may or may not have had it delivered.
struct CancelMessage {
  TrafficClass traffic{};
  std::uint64_t message{};
};
/// A packet that the tunnel has authenticated. It lay at this machine for `waited` before this
/// step, which says nothing of what the path can carry.
struct PacketReceived {
  Packet packet;
  Duration waited{};
};
/// Send this class over `primary`, and over `backup` while that one is down.
struct RouteSet {
  TrafficClass traffic{};
  PathId primary;
  std::optional<PathId> backup;
};
/// Besides its route this class may use all of `paths` at once, each as far as it has room: for
/// bulk, which wants the sum of their rates. None: the route alone.
///
/// With `rates`, one for each path, in bytes per second of frames and above 0: as long as one of
/// these paths is up the class goes over them alone, over each no faster than that, and after all
/// classes without rates.
struct SpreadSet {
  TrafficClass traffic{};
  std::vector<PathId> paths;
  std::vector<std::uint64_t> rates{};
  auto operator<=>(const SpreadSet&) const = default;
};
/// Paths are down until PathUp. What is in flight on a path that goes down is sent again elsewhere.
struct PathUp {
  PathId path;
};
struct PathDown {
  PathId path;
};
/// A planned break of the path: nothing is to enter it before `until`, and the peer, whose clock
/// may be behind, answers from `settled` on at the latest. What was to go over it goes over
/// `instead`, or waits.
struct PathHold {
  PathId path;
  Instant until{};
  Instant settled{};
  std::optional<PathId> instead{};
};
/// A packet of the path may have so many bytes, at least Transport::least_packet_size: what
/// MtuSearch says without the headers of the tunnel. Until then Config::packet_size is used.
struct PacketSizeSet {
  PathId path;
  std::uint32_t bytes{};
};
/// The controller knows what the path carries; nothing: the transport finds out.
struct RateAssigned {
  PathId path;
  std::optional<std::uint64_t> bytes_per_second;
};

/// Put the payloads of the packet's frames behind it, seal it and send it over its path. `size` is
/// wire_size(packet). A repair is made from the bytes of its message (add_to_repair).
struct Transmit {
  Packet packet;
  std::uint32_t size{};
};
/// Copy the bytes offset..offset + length of the message out of frame number `frame` of the packet
/// just received; they were not there before.
struct Stored {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint32_t total{};
  std::uint32_t offset{};
  std::uint32_t length{};
  std::uint32_t frame{};
};
/// Keep the repair that frame number `frame` of the packet just received carries, with the bytes of
/// its message, until the block is Rebuilt or the message is gone.
struct RepairStored {
  TrafficClass traffic{};
  std::uint64_t message{};
  RepairBlock block;
  std::uint8_t index{};
  std::uint32_t frame{};
};
/// Work the `lost` symbols out of as many `repairs` of the block and the rest of it, all of which
/// is there (Rebuilder); of what they say, keep the bytes that were not there, as though Stored.
/// Then forget the repairs of that block. Nothing lost: only that.
struct Rebuilt {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint32_t total{};
  RepairBlock block;
  std::vector<std::uint32_t> lost;
  std::vector<std::uint32_t> repairs;
};
/// All bytes of the message have been Stored or Rebuilt. Comes once per message that the peer sent.
struct Deliver {
  TrafficClass traffic{};
  std::uint64_t message{};
  std::uint32_t total{};
};
/// The peer has the whole message. Comes once per message sent, unless it was cancelled.
struct Acknowledged {
  TrafficClass traffic{};
  std::uint64_t message{};
};
/// The peer has given up a message of which some bytes were Stored: free them.
struct Discarded {
  TrafficClass traffic{};
  std::uint64_t message{};
};
/// This incarnation of the peer is new. Of an earlier one nothing more will come: free all that was
/// Stored and not Delivered. What was not Acknowledged is sent to it from the first byte on, so the
/// layer above may meet a message again that the earlier incarnation was given.
struct PeerStarted {
  std::uint32_t incarnation{};
};
/// No honest peer sends such a packet; what made no sense in it was ignored.
struct Refused {
  PathId path;
  std::uint64_t number{};
};

/// One end of the connection between two sites: whole messages, each exactly once, over several
/// paths that may lose, delay, reorder, repeat and stop. A policy: it sees names and sizes, never
/// bytes. Both ends must be configured alike.
class Transport {
 public:
  struct Config {
    std::uint32_t incarnation = 1;     ///< Grows with every start of this agent.
    std::uint32_t packet_size = 1372;  ///< Of paths that nobody has measured.
    ReceiveWindow window{};
    AckFrequency acks{};
    /// How control aside a saturated path is shared; control goes first.
    std::array<std::uint32_t, traffic_class_count> weights{1, 4, 1};
  };
  static constexpr std::size_t max_paths = 16;
  /// Whatever a packet acknowledges, data must fit behind it.
  static constexpr std::uint32_t least_packet_size = 640;

  using Event = std::variant<SendMessage, CancelMessage, PacketReceived, RouteSet, SpreadSet,
                             PathUp, PathDown, PathHold, PacketSizeSet, RateAssigned, Wakeup>;
  using Action = std::variant<Transmit, Stored, RepairStored, Rebuilt, Deliver, Acknowledged,
                              Discarded, PeerStarted, Refused>;

  explicit Transport(const Config& config);

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  std::optional<Instant> wakeup() const { return wakeup_; }

  bool is_up(PathId path) const { return path.value < paths_.size() && paths_[path.value].up; }
  /// Messages of the class that are neither acknowledged nor cancelled.
  std::size_t unfinished(TrafficClass traffic) const { return flow(traffic).queue.size(); }
  /// Bytes of its messages that are to be sent, for the first time or again.
  std::uint64_t waiting(TrafficClass traffic) const { return flow(traffic).queue.unsent(); }
  /// Bytes of its frames that have been sent, those of control aside.
  std::uint64_t sent(TrafficClass traffic) const { return flow(traffic).sent; }
  /// Bytes that were lost on the way here and that repairs brought back, since the start.
  std::uint64_t rebuilt_bytes() const;
  /// Nothing if no path of that number has been heard of; likewise null.
  std::optional<PathStatistics> statistics(PathId path) const;
  const CapacityEstimator* capacity(PathId path) const;

 private:
  struct Path {
    Path(const Config& config)
        : sender{{config.packet_size, config.acks.delay}}, acks{config.acks} {}
    PathSender sender;
    AckTracker acks;
    std::uint32_t probes = 0;  ///< Packets that go out at once, if only to ask for an answer.
    bool up = false;
    std::optional<PathHold> hold{};  ///< Until it is over.
  };
  struct Flow {
    SendQueue queue;
    Reassembly inbox;
    std::optional<RouteSet> route{};
    std::vector<PathId> spread{};
    std::vector<TokenBucket> limits{};  ///< By place in `spread`; none: no rates are set.
    std::uint64_t sent = 0;
    std::uint64_t finish_tag = 0;  ///< Start-time fair queueing (Goyal et al. 1996).
  };
  /// One call of step().
  struct Turn {
    Instant now;
    std::vector<Action>& actions;
  };
  /// A packet under construction.
  struct Draft {
    explicit Draft(std::uint32_t most) : limit{most} {}
    std::uint32_t limit;  ///< Of its size.
    Packet packet;
    std::array<SentSpan, SentPacket::max_spans> spans;
    std::size_t span_count = 0;
    std::uint32_t size = packet_overhead;
    std::uint32_t repair_bytes = 0;
    bool awaited = false;
  };

  void on(Turn turn, const SendMessage& event);
  void on(Turn turn, const CancelMessage& event);
  void on(Turn turn, const PacketReceived& event);
  void on(Turn turn, const RouteSet& event);
  void on(Turn turn, const SpreadSet& event);
  void on(Turn turn, const PathUp& event);
  void on(Turn turn, const PathDown& event);
  void on(Turn turn, const PathHold& event);
  void on(Turn turn, const PacketSizeSet& event);
  void on(Turn turn, const RateAssigned& event);
  void on(Turn, const Wakeup&) {}

  bool accept(Turn turn, const PacketReceived& event, std::size_t frame);
  bool accept_data(Turn turn, const DataFrame& data, std::size_t frame);
  bool accept_repair(Turn turn, const RepairFrame& repair, std::size_t frame);
  template <class ArrivedFrame>
  bool conclude(Turn turn, const ArrivedFrame& frame, Reassembly::Verdict verdict);
  bool accept_cancel(Turn turn, const CancelFrame& cancel);
  bool accept_ack(Turn turn, const AckFrame& ack);
  void meet(Turn turn, std::uint32_t incarnation);
  void expect_losses();
  void settle(Turn turn, SendQueue::Loss why = SendQueue::Loss::congestion);

  void end_holds(Instant now);
  void run_timers(Turn turn);
  void greet(Turn turn);
  void send_all(Turn turn);
  void send_on(Turn turn, PathId path);
  /// Sends one packet that asks for an acknowledgement, if there is reason to and room for it.
  bool send_one(Turn turn, PathId path);
  void send_ack(Turn turn, PathId path, PathId about);
  void send_hello(Turn turn, PathId path, std::uint32_t to);
  void fill(Turn turn, Draft& draft, PathId path, PathSender::Urgency urgency);
  bool add_from(Draft& draft, Flow& from);
  static void add(Draft& draft, Frame frame);
  void add_ack(Turn turn, Draft& draft, PathId about);
  void emit(Turn turn, PathId path, Draft& draft);
  std::uint64_t start_tag(const Flow& flow) const;
  Flow* fairest(Instant now, PathId path);
  std::optional<PathId> due_ack(Instant now, PathId path) const;
  std::optional<Instant> data_at(Instant now, PathId path) const;
  bool has_data(Instant now, PathId path) const;
  void update_wakeup(Instant now);

  Path& path_at(PathId path);
  bool usable(PathId path) const { return is_up(path) && !paths_[path.value].hold; }
  std::optional<PathId> active_path(const Flow& flow) const;
  std::optional<PathId> free_path(PathId path) const;
  bool carries(PathId path, const Flow& flow) const;
  double share(PathId path, const Flow& flow) const;
  bool left_to_quicker(PathId path, const Flow& flow) const;
  bool wants(const Flow& flow, PathId path) const;
  bool offers(Instant now, const Flow& flow, PathId path) const;
  /// Null: as much as the path itself allows.
  template <class MaybeConstFlow>
  static auto* limit(MaybeConstFlow& flow, PathId path) {
    for (std::size_t i = 0; i < flow.limits.size(); ++i)
      if (flow.spread[i] == path) return &flow.limits[i];
    return static_cast<decltype(flow.limits.data())>(nullptr);
  }
  PathId ack_path(PathId about) const;
  Flow& flow(TrafficClass traffic) { return flows_[static_cast<std::size_t>(traffic)]; }
  const Flow& flow(TrafficClass traffic) const { return flows_[static_cast<std::size_t>(traffic)]; }

  Config config_;
  std::vector<Path> paths_;  ///< By PathId.
  std::array<Flow, traffic_class_count> flows_;
  std::uint32_t peer_ = 0;  ///< The peer's incarnation, 0 before the first packet.
  std::uint64_t virtual_time_ = 0;
  std::optional<Instant> greet_at_;  ///< Not to greet before; nothing: at once.
  std::optional<Instant> reply_at_;  ///< Likewise for the answer to a stranger.
  std::optional<Instant> wakeup_;
  Outcome outcome_;              ///< Scratch, kept for its memory.
  Reassembly::Arrival arrival_;  ///< Likewise.
};

}  // namespace axs::net
