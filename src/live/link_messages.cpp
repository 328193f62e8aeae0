#include "axs/live/link_messages.h"

#include <algorithm>

#include "axs/live/message_store.h"

namespace axs::live {

namespace {

constexpr net::PathId path{0};

/// So long a path that is as quick as it seems is kept busy by what waits to be sent: longer than
/// the transport's bursts and this process's sleeps, and short beside the delay of a link.
constexpr Duration waiting_time = milliseconds(5);
constexpr double waiting_min = 32 << 10, waiting_max = 4 << 20;
/// Senders that have their turn while that much is sent.
constexpr std::size_t turns = 4;
/// So many messages keep their memory, if it is worth that.
constexpr std::size_t used_max = 32, used_size_min = 16 << 10;

/// For net::make_repair and net::RepairStore.
auto reader_of(const ByteVector& message) {
  return [&message](net::Range range, auto&& take) {
    take(range.first, ByteView{message}.subspan(range.first, range.size()));
  };
}

}  // namespace

LinkMessages::LinkMessages(host::Loop& loop, LinkChannel& channel, Config config,
                           Callbacks callbacks)
    : loop_{loop},
      channel_{channel},
      callbacks_{std::move(callbacks)},
      transport_{net::Transport::Config{.incarnation = config.incarnation}} {
  for (const auto traffic :
       {net::TrafficClass::control, net::TrafficClass::gradient, net::TrafficClass::bulk})
    step(net::RouteSet{traffic, path, {}});
  if (config.rate) step(net::RateAssigned{path, static_cast<std::uint64_t>(config.rate->value())});
}

LinkMessages::~LinkMessages() {
  if (timer_) loop_.cancel(*timer_);
}

ByteVector LinkMessages::make(std::size_t size) {
  ByteVector message;
  if (size >= used_size_min && !used_.empty()) {
    message = std::move(used_.back());
    used_.pop_back();
  }
  message.resize(size);
  return message;
}

void LinkMessages::recycle(ByteVector message) {
  if (message.capacity() >= used_size_min && used_.size() < used_max)
    used_.push_back(std::move(message));
}

void LinkMessages::send(net::TrafficClass traffic, ByteVector message) {
  AXS_ASSERT(message.size() <= message_max);
  const std::uint64_t id = next_message_++, size = message.size();
  outgoing_.emplace(Key{traffic, id}, std::move(message));
  step(net::SendMessage{traffic, id, size});
}

std::size_t LinkMessages::turn(net::TrafficClass traffic) const {
  const auto known = transport_.statistics(path);
  const double product = known ? known->bottleneck.value() * waiting_time.seconds() : 0;
  const auto most = static_cast<std::size_t>(std::clamp(product, waiting_min, waiting_max));
  return transport_.waiting(traffic) < most ? most / turns : 0;
}

void LinkMessages::path_changed() {
  channel_.up() ? step(net::PathUp{path}) : step(net::PathDown{path});
  batch_end();
}

void LinkMessages::batch_end() {
  if (const std::size_t size = channel_.room().size(); size != packet_size_) {
    packet_size_ = size;
    step(net::PacketSizeSet{path, static_cast<std::uint32_t>(size)});
  }
  channel_.flush();
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  if (!transport_.wakeup()) return;
  timer_ = loop_.at(*transport_.wakeup(), [this] {
    timer_.reset();
    step(Wakeup{});
    callbacks_.more();
    batch_end();
  });
}

void LinkMessages::take(ByteView frame) {
  WireReader reader{frame};
  net::PacketReceived received;
  reader.get(received.packet);
  received.waited = channel_.waited();
  const ByteView payloads = reader.bytes(reader.remaining());
  if (!reader.ok() || !payloads_match(received.packet, payloads)) return;
  const net::Transport::Event event{std::move(received)};
  const Taking taking{std::get<net::PacketReceived>(event).packet, payloads};
  step(event, &taking);
  if (stale_before_) forget_before(*std::exchange(stale_before_, {}));
}

/// The transport would send to a new peer what the old one has not acknowledged.
void LinkMessages::forget_before(std::uint64_t message) {
  std::vector<Key> stale;
  for (const auto& [key, bytes] : outgoing_)
    if (key.second < message) stale.push_back(key);
  for (const Key& key : stale) {
    step(net::CancelMessage{key.first, key.second});
    release(key);
  }
}

void LinkMessages::step(const net::Transport::Event& event, const Taking* taking) {
  auto actions = std::exchange(spare_, {});
  actions.clear();
  transport_.step(loop_.now(), event, actions);
  for (const auto& action : actions) {
    if (const auto* transmit = std::get_if<net::Transmit>(&action)) perform(*transmit);
    if (const auto* stored = std::get_if<net::Stored>(&action)) store(*stored, *taking);
    if (const auto* repair = std::get_if<net::RepairStored>(&action)) keep(*repair, *taking);
    if (const auto* rebuilt = std::get_if<net::Rebuilt>(&action)) rebuild(*rebuilt);
    if (const auto* whole = std::get_if<net::Deliver>(&action)) deliver(*whole);
    if (const auto* done = std::get_if<net::Acknowledged>(&action))
      release({done->traffic, done->message});
    if (const auto* gone = std::get_if<net::Discarded>(&action))
      incoming_.erase({gone->traffic, gone->message});
    if (std::holds_alternative<net::PeerStarted>(action)) meet_peer();
  }
  spare_ = std::move(actions);
}

/// Nothing is cancelled before all packets that tell of it have been written.
void LinkMessages::meet_peer() {
  incoming_.clear();
  if (!std::exchange(peer_known_, true)) return;
  stale_before_ = next_message_;
  callbacks_.reset();
}

/// Whether the packet holds something that was meant for a peer that is gone.
bool LinkMessages::stale(const net::Packet& packet) const {
  return stale_before_ && std::ranges::any_of(packet.frames, [this](const net::Frame& frame) {
           const auto* data = std::get_if<net::DataFrame>(&frame);
           const auto* repair = std::get_if<net::RepairFrame>(&frame);
           return (data != nullptr && data->message < *stale_before_) ||
                  (repair != nullptr && repair->message < *stale_before_);
         });
}

void LinkMessages::perform(const net::Transmit& action) {
  if (stale(action.packet)) return;  // As though it were lost: it is about to be cancelled.
  const auto room = channel_.room();
  // The path has become narrower just now: it counts as lost.
  if (action.size > room.size()) return;
  head_.clear();
  WireWriter{head_}.put(action.packet);
  std::copy(head_.begin(), head_.end(), room.begin());
  const std::size_t size = head_.size() + write_payloads(action.packet, room.subspan(head_.size()));
  (void)channel_.commit(LinkFrame::stream, size);
}

std::size_t LinkMessages::write_payloads(const net::Packet& packet,
                                         std::span<std::uint8_t> into) const {
  std::size_t at = 0;
  for (const auto& frame : packet.frames) {
    const auto out = into.subspan(at, payload_size(frame));
    if (const auto* data = std::get_if<net::DataFrame>(&frame)) {
      const ByteVector& message = outgoing_.at({data->traffic, data->message});
      std::copy_n(message.begin() + data->offset, data->length, out.begin());
    } else if (const auto* repair = std::get_if<net::RepairFrame>(&frame)) {
      const ByteVector& message = outgoing_.at({repair->traffic, repair->message});
      std::fill(out.begin(), out.end(), std::uint8_t{0});
      net::make_repair(*repair, message.size(), out, reader_of(message));
    }
    at += out.size();
  }
  return at;
}

void LinkMessages::release(Key key) {
  if (auto done = outgoing_.extract(key)) recycle(std::move(done.mapped()));
}

void LinkMessages::store(const net::Stored& action, const Taking& taking) {
  std::size_t at = payload_offset(taking.packet, action.frame);
  at += action.offset - std::get<net::DataFrame>(taking.packet.frames[action.frame]).offset;
  if (action.total > message_max) return;
  const auto [at_message, is_new] = incoming_.try_emplace({action.traffic, action.message});
  ByteVector& message = at_message->second.bytes;
  if (is_new) message = make(action.total);
  message.resize(action.total);
  const ByteView bytes = taking.payloads.subspan(at, action.length);
  std::copy(bytes.begin(), bytes.end(), message.begin() + action.offset);
}

void LinkMessages::keep(const net::RepairStored& action, const Taking& taking) {
  const auto found = incoming_.find({action.traffic, action.message});
  if (found == incoming_.end()) return;  // It is too long.
  const std::size_t at = payload_offset(taking.packet, action.frame);
  found->second.repairs.keep(action, taking.payloads.subspan(at, action.block.length));
}

void LinkMessages::rebuild(const net::Rebuilt& action) {
  const auto found = incoming_.find({action.traffic, action.message});
  if (found == incoming_.end()) return;
  ByteVector& message = found->second.bytes;
  AXS_ASSERT(message.size() == action.total);
  found->second.repairs.rebuild(action, reader_of(message),
                                [&](std::uint64_t offset, ByteView bytes) {
                                  std::copy(bytes.begin(), bytes.end(),
                                            message.begin() + static_cast<std::ptrdiff_t>(offset));
                                });
}

void LinkMessages::deliver(const net::Deliver& action) {
  auto found = incoming_.extract({action.traffic, action.message});
  if (!found.empty()) callbacks_.message(std::move(found.mapped().bytes));
}

}  // namespace axs::live
