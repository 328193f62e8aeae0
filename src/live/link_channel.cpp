#include "axs/live/link_channel.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace axs::live {

namespace {

/// Differentiated services: network control, AF41, and lower than best effort (RFC 4594, RFC 8622).
int service_of(net::TrafficClass traffic) {
  switch (traffic) {
    case net::TrafficClass::control:
      return 48 << 2;
    case net::TrafficClass::gradient:
      return 34 << 2;
    case net::TrafficClass::bulk:
      return 1 << 2;
  }
  return 0;
}

/// Marks what leaves over either kind of address. Where that is refused the link works all the
/// same: a socket of IPv4 knows nothing of the other.
void mark(int fd, int service) {
  (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &service, sizeof service);
  (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &service, sizeof service);
}

SiteId site_of(LinkSide side) {
  return SiteId{static_cast<std::uint32_t>(side)};
}

PeerSession::Config session_config(const LinkChannel::Config& config) {
  return {.self = site_of(config.side),
          .peer = site_of(other(config.side)),
          .incarnation = config.incarnation,
          .identity = {config.run, config.peer_name},
          .own = config.credentials};
}

}  // namespace

Result<std::unique_ptr<LinkChannel>> LinkChannel::open(host::Loop& loop, Config config,
                                                       Callbacks callbacks) {
  auto socket = AXS_TRY(DatagramSocket::open(config.own.at, "end " + config.own.site));
  std::unique_ptr<LinkChannel> channel{
      new LinkChannel{loop, std::move(config), std::move(callbacks), std::move(socket)}};
  AXS_TRY(channel->prepare());
  return channel;
}

LinkChannel::LinkChannel(host::Loop& loop, Config config, Callbacks callbacks,
                         DatagramSocket socket)
    : loop_{loop},
      config_{std::move(config)},
      callbacks_{std::move(callbacks)},
      envelope_{site_of(config_.side), site_of(other(config_.side)), {}},
      session_{session_config(config_)},
      link_{std::move(socket),
            SealedLink::Config{
                .peer = config_.own.peer,
                .envelope = envelope_,
                // A path of jumbo frames, as between data centres, is made use of.
                .mtu = {.max = SealedLink::packet_max},
                .unsealed = [this](Endpoint from,
                                   const net::OuterPacket& packet) { take_unsealed(from, packet); },
                .reached =
                    [this](Endpoint from, std::uint32_t number) {
                      if (finder_) finder_->reached(from, number);
                    }}} {}

LinkChannel::~LinkChannel() {
  loop_.unwatch(link_.fd());
  if (timer_) loop_.cancel(*timer_);
}

Result<> LinkChannel::prepare() {
  handshake_key_ =
      net::handshake_key(AXS_TRY(certificate_fingerprint(config_.credentials.ca_certificate)));
  if (config_.meeting)
    finder_ = std::make_unique<PeerFinder>(
        loop_, link_,
        net::Reach::Config{.meeting = *config_.meeting,
                           .room = net::meeting_room(handshake_key_),
                           .side = static_cast<std::uint8_t>(config_.side)});
  mark(link_.fd(), service_of(config_.traffic));
  AXS_TRY(loop_.watch(link_.fd(), host::Interest::readable, [this](host::Ready) { receive(); }));
  session_.open_tunnel(loop_.now());
  timer_ = loop_.at(loop_.now(), [this] { wake(); });
  return Ok{};
}

const char* LinkChannel::way() const {
  if (!finder_ || finder_->direct()) return "direct";
  return finder_->over_stream() ? "meeting point over TCP" : "meeting point";
}

std::string LinkChannel::why_this_way() const {
  if (finder_) return finder_->why();
  return config_.own.peer.port != 0 ? "the link was made with the address of the other end"
                                    : "the other end was told this address and calls";
}

bool LinkChannel::commit(LinkFrame kind, std::size_t size) {
  if (!up_) return false;
  link_.room()[0] = static_cast<std::uint8_t>(kind);
  return link_.commit(1 + size);
}

void LinkChannel::send(LinkFrame kind, ByteView bytes) {
  const auto into = room();
  AXS_ASSERT(bytes.size() <= into.size());
  std::copy(bytes.begin(), bytes.end(), into.begin());
  if (commit(kind, bytes.size())) flush();
}

void LinkChannel::receive() {
  link_.receive(loop_.now(), buffer_, [this](ByteView payload) {
    if (payload.empty()) return;
    callbacks_.frame(static_cast<LinkFrame>(payload[0]), payload.subspan(1));
  });
  if (link_.counters().accepted != heard_) heard_at_ = loop_.now();
  heard_ = link_.counters().accepted;
  callbacks_.batch_end();
}

void LinkChannel::take_unsealed(Endpoint from, const net::OuterPacket& packet) {
  if (packet.header.type != net::PacketType::meeting) return take_handshake(from, packet);
  if (finder_) finder_->take(from, packet);
}

void LinkChannel::take_handshake(Endpoint from, const net::OuterPacket& packet) {
  auto segment = net::parse_handshake(handshake_key_, packet);
  if (!segment || packet.header.source != envelope_.destination) return;
  // An end that was told no address answers whoever knows the key of this link's handshakes.
  if (!up_ && config_.own.peer.port == 0) link_.redirect(loop_.now(), from);
  session_.take_handshake(loop_.now(), *std::move(segment));
  attend();
  arm_timer();
}

/// Performs what the session wants done.
void LinkChannel::attend() {
  for (const auto& segment : session_.take_segments()) {
    ByteVector packet = net::handshake_packet(handshake_key_, envelope_, segment);
    if (link_.peer().port != 0) link_.send_unsealed(link_.peer(), packet);
  }
  if (const auto failure = session_.take_failure()) last_failure_ = failure->what;
  if (session_.take_established()) establish();
  if (session_.take_rekey() && up_) link_.session().request_rekey();
}

void LinkChannel::establish() {
  link_.use(*session_.take_session());
  ++sessions_;
  last_failure_.clear();
  heard_at_ = loop_.now();
  set_up(true);
  link_.open(loop_.now());
}

void LinkChannel::set_up(bool up) {
  const bool changed = std::exchange(up_, up) != up;
  if (changed && finder_) finder_->session(up);
  if (changed) callbacks_.changed();
}

void LinkChannel::wake() {
  timer_.reset();
  const Instant now = loop_.now();
  if (up_ && now - heard_at_ > config_.patience) {
    set_up(false);
    session_.restart(now);
  }
  if (const auto at = session_.wakeup(); at && *at <= now) session_.wake(now);
  if (const auto at = link_.wakeup(); up_ && at && *at <= now) link_.wake(now);
  attend();
  arm_timer();
}

/// At least every second, for the patience.
void LinkChannel::arm_timer() {
  Instant next = loop_.now() + seconds(1);
  if (const auto at = session_.wakeup()) next = std::min(next, *at);
  if (const auto at = link_.wakeup(); up_ && at) next = std::min(next, *at);
  if (timer_) loop_.cancel(*timer_);
  timer_ = loop_.at(next, [this] { wake(); });
}

}  // namespace axs::live
