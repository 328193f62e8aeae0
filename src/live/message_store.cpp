#include "axs/live/message_store.h"

#include <algorithm>

namespace axs::live {

using fabric::Site;
using fabric::SiteMessage;

namespace {

std::size_t payload_size(const net::Frame& frame) {
  const auto* data = std::get_if<net::DataFrame>(&frame);
  return data == nullptr ? 0 : data->length;
}

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

void append_overlap(ByteView part, std::size_t offset, std::size_t length, ByteVector& out) {
  if (offset >= part.size()) return;
  const ByteView wanted = part.subspan(offset, std::min(length, part.size() - offset));
  out.insert(out.end(), wanted.begin(), wanted.end());
}

}  // namespace

bool payloads_match(const net::Packet& packet, ByteView payloads) {
  std::size_t size = 0;
  for (const auto& frame : packet.frames) size += payload_size(frame);
  return size == payloads.size();
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

void MessageStore::append_payload(SiteId to, const net::DataFrame& frame, ByteVector& out) const {
  const auto found = outgoing_.find({to, frame.traffic, frame.message});
  AXS_ASSERT(found != outgoing_.end());
  const Outgoing& message = found->second;
  const std::size_t before = out.size(), head = message.head.size();
  append_overlap(message.head, frame.offset, frame.length, out);
  const std::size_t done = out.size() - before;
  if (done < frame.length && message.attached)
    append_overlap(*message.attached, frame.offset + done - head, frame.length - done, out);
  AXS_ASSERT(out.size() - before == frame.length);
}

void MessageStore::store(const Site::StoreBytes& piece, const net::Packet& packet,
                         ByteView payloads) {
  const net::Stored& stored = piece.stored;
  std::size_t at = 0;
  for (std::uint32_t i = 0; i < stored.frame; ++i) at += payload_size(packet.frames[i]);
  const auto& frame = std::get<net::DataFrame>(packet.frames[stored.frame]);
  at += stored.offset - frame.offset;
  incoming_[{piece.from, stored.traffic, stored.message}].put(stored.offset,
                                                              payloads.subspan(at, stored.length));
}

Result<MessageStore::Taken> MessageStore::take(const Site::ReadMessage& message) {
  const auto found =
      incoming_.find({message.from, message.deliver.traffic, message.deliver.message});
  // No honest peer has two messages of one name under way.
  if (found == incoming_.end()) return Error{Errc::corrupt, "message: its name came twice"};
  const ByteVector bytes = std::move(found->second).whole();
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
  for (const auto& [key, pieces] : incoming_)
    if (std::get<0>(key) == from) bytes += pieces.size();
  return bytes;
}

}  // namespace axs::live
