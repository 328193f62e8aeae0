#include "axs/live/meeting_server.h"

#include <openssl/rand.h>

#include "axs/host/signals.h"

namespace axs::live {

namespace {

bool is_meeting(ByteView packet) {
  const auto parsed = net::parse_packet(packet);
  return parsed && parsed->header.type == net::PacketType::meeting;
}

Key256 random_key() {
  Key256 key;
  AXS_ASSERT(RAND_priv_bytes(key.data(), static_cast<int>(key.size())) == 1);
  return key;
}

}  // namespace

Result<std::unique_ptr<MeetingServer>> MeetingServer::open(host::Loop& loop, const Config& config) {
  auto socket = AXS_TRY(DatagramSocket::open(config.datagrams, "meeting point"));
  std::unique_ptr<MeetingServer> server{
      new MeetingServer{loop, std::move(socket), config.silence_max}};
  AXS_TRY(server->watch(config.streams));
  return server;
}

MeetingServer::MeetingServer(host::Loop& loop, DatagramSocket socket, Duration silence_max)
    : loop_{loop}, socket_{std::move(socket)}, silence_max_{silence_max}, point_{random_key()} {}

MeetingServer::~MeetingServer() {
  loop_.unwatch(socket_.fd());
  if (timer_) loop_.cancel(*timer_);
}

Result<> MeetingServer::watch(Endpoint streams) {
  AXS_TRY(loop_.watch(socket_.fd(), host::Interest::readable, [this](host::Ready) { receive(); }));
  if (streams.port == 0) streams.port = socket_.local().port;
  listener_ = AXS_TRY(StreamListener::open(loop_, streams, "meeting point",
                                           [this](host::Fd stream) { accept(std::move(stream)); }));
  return Ok{};
}

void MeetingServer::receive() {
  socket_.receive(buffer_);
  for (const Datagram& datagram : buffer_.datagrams) take(datagram);
}

/// What begins with a packet for us is looked through; everything else goes on as it is.
void MeetingServer::take(const Datagram& datagram) {
  const net::Train& train = datagram.train;
  if (!is_meeting(train.bytes.first(std::min(train.segment, train.bytes.size()))))
    return pass(datagram.from, train);
  net::for_each_packet(train, [&](std::span<std::uint8_t> packet) {
    const auto outer = net::parse_packet(packet);
    const auto message = outer ? net::parse_meeting(*outer) : std::nullopt;
    if (!message) return pass(datagram.from, {packet, packet.size()});
    if (const auto* attend = std::get_if<net::Attend>(&*message))
      step(net::MeetingPoint::AttendArrived{datagram.from, *attend});
  });
}

void MeetingServer::pass(const Endpoint& from, const net::Train& train) {
  const auto to = point_.partner(from);
  if (!to || train.bytes.empty()) return;
  const std::size_t packets = (train.bytes.size() + train.segment - 1) / train.segment;
  (socket_.send(*to, train) == Sent::taken ? passed_ : lost_) += packets;
}

void MeetingServer::step(const net::MeetingPoint::Event& event) {
  std::vector<net::MeetingPoint::Tell> actions;
  point_.step(loop_.now(), event, actions);
  for (const auto& tell : actions) {
    ByteVector packet = net::meeting_packet(tell.message);
    (void)socket_.send(tell.to, {packet, packet.size()});
  }
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (const auto at = point_.wakeup()) timer_ = loop_.at(*at, [this] { step(Wakeup{}); });
}

void MeetingServer::accept(host::Fd stream) {
  if (bridges_.size() >= streams_max) return;
  const std::uint64_t number = next_bridge_++;
  const Endpoint own = reached_locally(socket_.local());
  auto bridge = StreamBridge::open(loop_, buffer_,
                                   {.stream = std::move(stream),
                                    .local = {own.address, 0},
                                    .peer = own,
                                    .silence_max = silence_max_,
                                    .closed = [this, number] { bridges_.erase(number); }});
  if (bridge) bridges_[number] = *std::move(bridge);
}

Result<> run_meeting_server(const MeetingServer::Config& config,
                            const std::function<void(const MeetingServer&)>& opened) {
  auto signals = AXS_TRY(host::SignalFd::create());
  const auto loop = AXS_TRY(host::Loop::create(host::RunClock{Instant{}}));
  AXS_TRY(loop->watch(signals.fd(), host::Interest::readable, [&](host::Ready) {
    while (signals.next()) loop->stop();
  }));
  const auto server = AXS_TRY(MeetingServer::open(*loop, config));
  opened(*server);
  return loop->run();
}

}  // namespace axs::live
