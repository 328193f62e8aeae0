#include "axs/net/meeting.h"

#include <algorithm>

#include "axs/core/wire.h"

namespace axs::net {

namespace {

constexpr std::size_t side_count = 2;

template <std::size_t Size>
std::array<std::uint8_t, Size> first_bytes(const Hash256& hash) {
  std::array<std::uint8_t, Size> bytes;
  std::copy_n(hash.begin(), Size, bytes.begin());
  return bytes;
}

}  // namespace

MeetingRoom meeting_room(const MarkKey& handshakes) {
  return first_bytes<sizeof(MeetingRoom)>(hkdf_expand(handshakes.value, "axs meeting room"));
}

ByteVector meeting_packet(const MeetingMessage& message) {
  const OuterHeader header{.type = PacketType::meeting};
  ByteVector packet(header.size());
  write_outer_header(header, packet);
  WireWriter{packet}.put(message);
  return packet;
}

std::optional<MeetingMessage> parse_meeting(const OuterPacket& packet) {
  if (packet.header.type != PacketType::meeting) return std::nullopt;
  auto message = from_wire<MeetingMessage>(packet.payload, "meeting");
  if (!message) return std::nullopt;
  return *std::move(message);
}

void MeetingPoint::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& e) { on(e); }, event);
  actions_ = nullptr;
}

MeetingCookie MeetingPoint::cookie_for(const AttendArrived& event) const {
  ByteVector covered;
  WireWriter writer{covered};
  writer.put(event.from);
  writer.put(event.message.room);
  writer.put(event.message.side);
  return first_bytes<sizeof(MeetingCookie)>(hmac_sha256(secret_, covered));
}

void MeetingPoint::on(const AttendArrived& event) {
  const Attend& attend = event.message;
  if (attend.side >= side_count) return;
  const MeetingCookie cookie = cookie_for(event);
  if (attend.cookie != cookie)
    return actions_->push_back({event.from, {.room = attend.room, .cookie = cookie}});
  if (rooms_.size() >= rooms_max && !rooms_.contains(attend.room)) return;
  sit(event);
  if (!sweep_at_) sweep_at_ = now_ + place_lasts;
}

/// The end takes its seat, or keeps it. A new one is news for the other end too.
void MeetingPoint::sit(const AttendArrived& event) {
  const auto& [name, side] = std::pair{event.message.room, std::size_t{event.message.side}};
  const std::optional<Seat> before = rooms_[name][side];
  const bool moved = !before || before->end != event.from;
  if (moved) {
    leave(event.from);
    if (before) leave(before->end);
    ends_[event.from] = {name, side};
  }
  Room& room = rooms_[name];
  room[side] = Seat{event.from, event.message.stream, now_};
  tell(name, side);
  if (moved && room[1 - side]) tell(name, 1 - side);
}

void MeetingPoint::leave(const Endpoint& end) {
  const auto seated = ends_.find(end);
  if (seated == ends_.end()) return;
  const auto room = rooms_.find(seated->second.first);
  room->second[seated->second.second].reset();
  if (!room->second[0] && !room->second[1]) rooms_.erase(room);
  ends_.erase(seated);
}

void MeetingPoint::tell(const MeetingRoom& name, std::size_t side) {
  const Room& room = rooms_.at(name);
  const Seat& own = *room[side];
  const std::optional<Seat>& peer = room[1 - side];
  Welcome welcome{.room = name, .accepted = true, .you = own.end};
  welcome.cookie = cookie_for({own.end, {.room = name, .side = static_cast<std::uint8_t>(side)}});
  if (peer && !peer->stream && !own.stream) welcome.peer = peer->end;
  actions_->push_back({own.end, welcome});
}

void MeetingPoint::on(const Wakeup&) {
  if (!sweep_at_ || now_ < *sweep_at_) return;
  std::vector<Endpoint> gone;
  for (const auto& [name, room] : rooms_)
    for (const std::optional<Seat>& seat : room)
      if (seat && now_ - seat->heard >= place_lasts) gone.push_back(seat->end);
  for (const Endpoint& end : gone) leave(end);
  sweep_at_.reset();
  if (!rooms_.empty()) sweep_at_ = now_ + place_lasts;
}

std::optional<Endpoint> MeetingPoint::partner(const Endpoint& from) const {
  const auto end = ends_.find(from);
  if (end == ends_.end()) return std::nullopt;
  const std::optional<Seat>& peer = rooms_.at(end->second.first)[1 - end->second.second];
  if (!peer) return std::nullopt;
  return peer->end;
}

}  // namespace axs::net
