#include "axs/live/peer_finder.h"

#include "axs/live/stream_listener.h"

namespace axs::live {

PeerFinder::PeerFinder(host::Loop& loop, SealedLink& link, const net::Reach::Config& config)
    : loop_{loop}, link_{link}, reach_{config}, meeting_{config.meeting} {
  arm_timer();
}

PeerFinder::~PeerFinder() {
  if (timer_) loop_.cancel(*timer_);
}

std::string PeerFinder::why() const {
  if (direct()) return "probes to " + text_of(way()) + " are answered";
  const auto& seen = reach_.candidate();
  const std::string no_direct = seen ? "no probe to " + text_of(*seen) + " is answered"
                                     : "the meeting point told no address to try directly";
  return over_stream() ? no_direct + ", and the meeting point answers no UDP" : no_direct;
}

void PeerFinder::take(const Endpoint& from, const net::OuterPacket& packet) {
  if (from != reach_.via()) return;
  const auto message = net::parse_meeting(packet);
  const auto* welcome = message ? std::get_if<net::Welcome>(&*message) : nullptr;
  if (welcome != nullptr) step(net::WelcomeArrived{*welcome});
}

void PeerFinder::step(const net::ReachEvent& event) {
  std::vector<net::ReachAction> actions;
  reach_.step(loop_.now(), event, actions);
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
  arm_timer();
}

void PeerFinder::perform(const net::SendAttend& action) {
  ByteVector packet = net::meeting_packet(action.message);
  link_.send_unsealed(action.to, packet);
}

/// Where no connection can be made it is asked for again, after the next questions to UDP.
void PeerFinder::perform(const net::OpenStream&) {
  auto stream = connect_stream(meeting_);
  if (!stream) return;
  const Endpoint own = reached_locally(link_.local());
  auto bridge = StreamBridge::open(
      loop_, buffer_,
      {.stream = *std::move(stream), .local = {own.address, 0}, .peer = own, .closed = [this] {
         bridge_.reset();
         step(net::StreamLost{});
       }});
  if (!bridge) return;
  bridge_ = *std::move(bridge);
  step(net::StreamOpened{bridge_->local()});
}

void PeerFinder::arm_timer() {
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (const auto at = reach_.wakeup()) timer_ = loop_.at(*at, [this] { step(Wakeup{}); });
}

}  // namespace axs::live
