#include "axs/twin/packet_simulator.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "axs/core/assert.h"
#include "axs/net/pipe.h"
#include "axs/twin/fair_queue.h"
#include "axs/twin/queue.h"

namespace axs::twin {

namespace {

/// A route as it was when a packet set out on it.
struct Way {
  std::vector<LinkId> links;
  Duration delay{};       ///< Of propagation, one way.
  std::int64_t window{};  ///< Bytes.
};

struct Packet {
  std::uint64_t flow;
  std::uint32_t way;  ///< Index.
  std::uint32_t hop;
  std::int64_t size;
};

struct LinkFree {
  std::uint32_t link;
};
struct Arrives {
  Packet packet;
};
struct Acknowledged {
  Packet packet;
};
struct FoundLost {
  Packet packet;
};
struct SourceReady {
  std::uint64_t flow;
};
using Happening = std::variant<SceneEvent, LinkFree, Arrives, Acknowledged, FoundLost, SourceReady>;

net::PipeConfig pipe_config(const FlowLink& link) {
  net::PipeConfig config{.delay = link.delay};
  if (link.rate.value() > 0) config.rate = link.rate;  // Through a cut link nothing is sent.
  return config;
}

class PacketSimulator {
 public:
  explicit PacketSimulator(const FlowScene& scene) {
    AXS_ASSERT(validate(scene).has_value());
    for (const FlowLink& link : scene.links)
      links_.emplace_back(Link{link, net::Pipe{pipe_config(link), Rng{0}}, {}});
    for (const auto& route : scene.routes) {
      routes_.push_back(0);
      set_route({RouteId{static_cast<std::uint32_t>(routes_.size() - 1)}, route});
    }
    for (const SceneEvent& event : scene.events) queue_.push(event.at, event);
  }

  std::vector<FlowEnd> run() {
    while (!queue_.empty()) {
      now_ = queue_.next_at();
      std::visit([this](const auto& happening) { happen(happening); }, queue_.pop());
    }
    return std::move(ends_);
  }

 private:
  struct Link {
    FlowLink what;
    net::Pipe pipe;
    FairQueue<Packet> waiting;
    bool busy = false;

    bool cut() const { return what.rate.value() <= 0; }
  };
  struct Source {
    Flow flow;
    std::int64_t unsent{};
    std::int64_t under_way{};
    std::int64_t missing{};  ///< What has not arrived.
    Instant sent_at{};
    Instant may_send_at{};  ///< By the cap.
    bool timed = false;     ///< A SourceReady is on its way.
  };

  void happen(const SceneEvent& event) {
    std::visit([this](const auto& what) { change(what); }, event.what);
  }
  void change(const Flow& flow) {
    const auto bytes = static_cast<std::int64_t>(flow.bytes);
    const auto [at, is_new] =
        sources_.try_emplace(flow.id, Source{.flow = flow, .unsent = bytes, .missing = bytes});
    AXS_ASSERT(is_new && bytes > 0);
    send(at->second);
  }
  void change(const RouteChange& change) {
    set_route(change);
    for (Link& link : links_)
      if (link.cut()) lose_waiting(link);
    for (auto& [id, source] : sources_) send(source);
  }
  void change(const RateChange& change) {
    Link& link = links_[change.link.value];
    link.what.rate = change.rate;
    if (link.cut()) return lose_waiting(link);
    link.pipe.set(pipe_config(link.what));
    if (!link.busy) serve(change.link.value);
  }
  void lose_waiting(Link& link) {
    while (const auto packet = link.waiting.pop()) lose(*packet);
  }
  void lose(const Packet& packet) {
    constexpr Duration least = milliseconds(1);
    queue_.push(now_ + std::max(least, 2 * ways_[packet.way].delay), FoundLost{packet});
  }

  void set_route(const RouteChange& change) {
    Way way{.links = change.links};
    double slowest = unlimited.value();
    for (const LinkId id : way.links) {
      way.delay += links_[id.value].what.delay;
      slowest = std::min(slowest, links_[id.value].what.rate.value());
    }
    // At each link one packet is being sent and one waits.
    const double at_links = 2 * packet_size.value() * static_cast<double>(way.links.size());
    way.window = static_cast<std::int64_t>(at_links + 2 * way.delay.seconds() * slowest);
    routes_[change.route.value] = static_cast<std::uint32_t>(ways_.size());
    ways_.push_back(std::move(way));
  }

  /// As much as window and cap allow.
  void send(Source& source) {
    const std::uint32_t index = routes_[source.flow.route.value];
    const Way& way = ways_[index];
    while (source.unsent > 0 && source.under_way < way.window && !way.links.empty()) {
      if (source.may_send_at > now_) return wake(source);
      const auto size = std::min(source.unsent, static_cast<std::int64_t>(packet_size.value()));
      source.unsent -= size;
      source.under_way += size;
      source.sent_at = now_;
      const Bytes bytes{static_cast<double>(size)};
      source.may_send_at = now_ + from_seconds((bytes / source.flow.rate_cap).value());
      offer({source.flow.id, index, 0, size});
    }
  }
  void wake(Source& source) {
    if (source.timed) return;
    source.timed = true;
    queue_.push(source.may_send_at, SourceReady{source.flow.id});
  }

  void offer(const Packet& packet) {
    const std::uint32_t index = ways_[packet.way].links[packet.hop].value;
    Link& link = links_[index];
    const Flow& flow = sources_.at(packet.flow).flow;
    if (link.cut() && packet.way != routes_[flow.route.value]) return lose(packet);
    link.waiting.push(flow, Bytes{static_cast<double>(packet.size)}, packet);
    if (!link.busy) serve(index);
  }
  void serve(std::uint32_t index) {
    Link& link = links_[index];
    link.busy = false;
    if (link.cut()) return;
    const auto packet = link.waiting.pop();
    if (!packet) return;
    link.busy = true;
    const auto admission = link.pipe.admit(now_, static_cast<std::size_t>(packet->size));
    AXS_ASSERT(admission.arrives());
    queue_.push(admission.departs_at, LinkFree{index});
    queue_.push(admission.released_at, Arrives{*packet});
  }
  void happen(const LinkFree& free) { serve(free.link); }

  void happen(const Arrives& arrived) {
    Packet packet = arrived.packet;
    const Way& way = ways_[packet.way];
    if (++packet.hop < way.links.size()) return offer(packet);
    Source& source = sources_.at(packet.flow);
    source.missing -= packet.size;
    if (source.missing == 0) ends_.push_back({packet.flow, source.sent_at, now_});
    queue_.push(now_ + way.delay, Acknowledged{packet});
  }
  void happen(const Acknowledged& known) {
    Source& source = sources_.at(known.packet.flow);
    source.under_way -= known.packet.size;
    send(source);
  }

  void happen(const FoundLost& lost) {
    Source& source = sources_.at(lost.packet.flow);
    source.under_way -= lost.packet.size;
    source.unsent += lost.packet.size;
    send(source);
  }
  void happen(const SourceReady& ready) {
    Source& source = sources_.at(ready.flow);
    source.timed = false;
    send(source);
  }

  std::vector<Link> links_;
  std::vector<Way> ways_;
  std::vector<std::uint32_t> routes_;  ///< The index of the way it leads now.
  std::map<std::uint64_t, Source> sources_;
  Queue<Happening> queue_;
  Instant now_{};
  std::vector<FlowEnd> ends_;
};

}  // namespace

std::vector<FlowEnd> play_packets(const FlowScene& scene) {
  return PacketSimulator{scene}.run();
}

}  // namespace axs::twin
