#include "axs/live/message_store.h"

#include <algorithm>

namespace axs::live {

using fabric::Site;
using fabric::SiteMessage;

namespace {

/// What is attached to a message of this kind.
std::optional<train::Contribution> offered(const fabric::SiteMessageBody& body) {
  const auto* sync = std::get_if<train::SyncMessage>(&body);
  const auto* offer = sync ? std::get_if<train::Offer>(sync) : nullptr;
  if (offer == nullptr || offer->contribution.tokens.count() == 0) return std::nullopt;
  return offer->contribution;
}

/// How many bytes follow a message of this kind that no store has: the values of a chunk, a piece
/// of a file.
std::uint64_t own_bytes(const fabric::SiteMessageBody& body) {
  if (const auto* piece = fabric::piece_of(body)) return piece->size;
  const auto* ring = std::get_if<train::RingMessage>(&body);
  const auto* chunk = ring ? std::get_if<train::Chunk>(ring) : nullptr;
  return chunk ? chunk->size : 0;
}

}  // namespace

bool payloads_match(const net::Packet& packet, ByteView payloads) {
  return payload_offset(packet, packet.frames.size()) == payloads.size();
}

template <class Take>
void MessageStore::Outgoing::read(net::Range range, Take&& take) const {
  AXS_ASSERT(range.end <= size());
  const std::uint64_t border = std::clamp<std::uint64_t>(head.size(), range.first, range.end);
  if (range.first < border)
    take(range.first, ByteView{head}.subspan(range.first, border - range.first));
  if (border < range.end)
    take(border, ByteView{*attached}.subspan(border - head.size(), range.end - border));
}

void MessageStore::hold(const Site::HoldMessage& message, ByteVector& given) {
  Outgoing outgoing;
  const ByteVector record = to_wire(message.message.body);
  WireWriter writer{outgoing.head};
  writer.put(static_cast<std::uint32_t>(record.size()));
  writer.bytes(record);
  // An offer of no tokens has no bytes, even where it names their hash.
  if (message.message.attached && message.message.attached_size > 0) {
    outgoing.attached = blobs_.find(*message.message.attached);
    AXS_ASSERT(outgoing.attached != nullptr);
    AXS_ASSERT(outgoing.attached->size() == message.message.attached_size);
  }
  if (own_bytes(message.message.body) > 0) {
    outgoing.attached = std::make_shared<const ByteVector>(std::move(given));
    AXS_ASSERT(outgoing.attached->size() == message.message.attached_size);
  }
  outgoing_[{message.to, message.traffic, message.id}] = std::move(outgoing);
}

void MessageStore::release(const Site::ReleaseMessage& message) {
  outgoing_.erase({message.to, message.traffic, message.id});
}

std::size_t MessageStore::held(SiteId to) const {
  return static_cast<std::size_t>(
      std::count_if(outgoing_.begin(), outgoing_.end(),
                    [to](const auto& entry) { return std::get<0>(entry.first) == to; }));
}

void MessageStore::append_payload(SiteId to, const net::Frame& frame, ByteVector& out) const {
  if (const auto* data = std::get_if<net::DataFrame>(&frame))
    outgoing(to, *data).read(
        {data->offset, std::uint64_t{data->offset} + data->length},
        [&](std::uint64_t, ByteView part) { out.insert(out.end(), part.begin(), part.end()); });
  if (const auto* repair = std::get_if<net::RepairFrame>(&frame)) {
    out.resize(out.size() + repair->block.length);
    const Outgoing& message = outgoing(to, *repair);
    net::make_repair(*repair, message.size(), std::span{out}.last(repair->block.length),
                     [&](net::Range range, auto&& take) { message.read(range, take); });
  }
}

template <class NamedFrame>
const MessageStore::Outgoing& MessageStore::outgoing(SiteId to, const NamedFrame& frame) const {
  const auto found = outgoing_.find({to, frame.traffic, frame.message});
  AXS_ASSERT(found != outgoing_.end());
  return found->second;
}

void MessageStore::store(const Site::StoreBytes& piece, const net::Packet& packet,
                         ByteView payloads) {
  const net::Stored& stored = piece.stored;
  const auto& frame = std::get<net::DataFrame>(packet.frames[stored.frame]);
  const std::size_t at = payload_offset(packet, stored.frame) + stored.offset - frame.offset;
  incoming_[{piece.from, stored.traffic, stored.message}].pieces.put(
      stored.offset, payloads.subspan(at, stored.length));
}

void MessageStore::store_repair(const Site::StoreRepair& piece, const net::Packet& packet,
                                ByteView payloads) {
  const net::RepairStored& repair = piece.repair;
  const ByteView bytes =
      payloads.subspan(payload_offset(packet, repair.frame), repair.block.length);
  incoming_[{piece.from, repair.traffic, repair.message}].repairs.keep(repair, bytes);
}

void MessageStore::rebuild(const Site::RebuildBytes& order) {
  const net::Rebuilt& rebuilt = order.rebuilt;
  const auto found = incoming_.find({order.from, rebuilt.traffic, rebuilt.message});
  if (found == incoming_.end()) return;
  auto& [pieces, repairs] = found->second;
  repairs.rebuild(
      rebuilt, [&](net::Range range, auto&& take) { pieces.read(range.first, range.size(), take); },
      [&](std::uint64_t offset, ByteView bytes) { pieces.fill(offset, bytes); });
}

Result<MessageStore::Taken> MessageStore::take(const Site::ReadMessage& message) {
  const auto found =
      incoming_.find({message.from, message.deliver.traffic, message.deliver.message});
  // No honest peer has two messages of one name under way.
  if (found == incoming_.end()) return Error{Errc::corrupt, "message: its name came twice"};
  const ByteVector bytes = std::move(found->second.pieces).whole();
  incoming_.erase(found);
  return read(message.from, bytes);
}

Result<MessageStore::Taken> MessageStore::read(SiteId from, ByteView message) {
  WireReader reader{message};
  std::uint32_t size;
  reader.get(size);
  const ByteView record = reader.bytes(size);
  if (!reader.ok()) return Error{Errc::corrupt, "message: its record is longer than itself"};
  auto body = AXS_TRY(from_wire<fabric::SiteMessageBody>(record, "message"));
  const auto contribution = offered(body);
  if (contribution && contribution->tokens.end < contribution->tokens.begin)
    return Error{Errc::corrupt, "message: a contribution ends before it begins"};
  const std::uint64_t want = contribution ? contribution->size : own_bytes(body);
  if (reader.remaining() != want)
    return Error{Errc::corrupt, "message: " + std::to_string(reader.remaining()) +
                                    " bytes attached, want " + std::to_string(want)};
  const ByteView attached = reader.bytes(want);
  if (contribution) {
    AXS_TRY(blobs_.put(contribution->content, attached));
    return Taken{{from, {std::move(body), contribution->content, want}}};
  }
  return Taken{{from, {std::move(body), {}, want}}, {attached.begin(), attached.end()}};
}

void MessageStore::drop(const Site::DropBytes& dropped) {
  if (dropped.message) {
    incoming_.erase({dropped.from, dropped.message->traffic, dropped.message->message});
    return;
  }
  std::erase_if(incoming_,
                [&](const auto& entry) { return std::get<0>(entry.first) == dropped.from; });
}

std::size_t MessageStore::arrived(SiteId from) const {
  std::size_t bytes = 0;
  for (const auto& [key, message] : incoming_)
    if (std::get<0>(key) == from) bytes += message.pieces.size();
  return bytes;
}

}  // namespace axs::live
