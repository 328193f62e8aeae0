#include "axs/net/offload.h"

#include <algorithm>
#include <optional>

namespace axs::net {

namespace {

constexpr std::uint8_t needs_checksum = 1, gso_none = 0, gso_tcp4 = 1, gso_ecn = 0x80;
constexpr std::uint8_t tcp = 6, udp = 17;
constexpr std::uint8_t fin = 0x01, psh = 0x08, ack = 0x10, cwr = 0x80;

std::uint32_t get16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t get32(ByteView bytes, std::size_t at) {
  return get16(bytes, at) << 16 | get16(bytes, at + 2);
}
void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) {
  put16(bytes, at, value >> 16);
  put16(bytes, at + 2, value);
}

/// Where the transport's header begins, and its protocol.
struct Transport {
  std::size_t start;
  std::uint8_t protocol;
  std::size_t checksum_offset() const { return protocol == tcp ? 16 : 6; }
};
/// Nothing for fragments, IPv6 with extension headers, and whatever is neither TCP nor UDP.
std::optional<Transport> transport_of(ByteView packet) {
  if (packet.size() < 20) return std::nullopt;
  Transport found{};
  if (packet[0] >> 4 == 4) {
    if ((get16(packet, 6) & 0x3fff) != 0) return std::nullopt;
    found = {std::size_t{4} * (packet[0] & 15), packet[9]};
  } else if (packet[0] >> 4 == 6 && packet.size() >= 40) {
    found = {40, packet[6]};
  }
  if (found.protocol != tcp && found.protocol != udp) return std::nullopt;
  if (found.start < 20 || found.start + found.checksum_offset() + 2 > packet.size())
    return std::nullopt;
  return found;
}

/// The size of both headers, if this is TCP over plain IPv4 without options of IP's.
std::optional<std::size_t> tcp4_head(ByteView packet) {
  if (packet.size() < 40 || packet[0] != 0x45 || packet[9] != tcp) return std::nullopt;
  if ((get16(packet, 6) & 0x3fff) != 0) return std::nullopt;
  const std::size_t size = 20 + std::size_t{4} * (packet[32] >> 4);
  if (size < 40 || size > packet.size()) return std::nullopt;
  return size;
}

/// Sets what depends on the size of a TCP packet over IPv4: its length and both checksums, the
/// second that of the pseudo header only.
void set_size(std::span<std::uint8_t> head, std::size_t total) {
  put16(head, 2, static_cast<std::uint32_t>(total));
  put16(head, 10, 0);
  put16(head, 10, 0xffffu ^ checksum_fold(checksum_add(head.first(20), 0)));
  const auto length = static_cast<std::uint32_t>(total - 20);
  put16(head, 36, checksum_fold(checksum_add(head.subspan(12, 8), tcp + length)));
}

bool complete_checksum(const OffloadHeader& header, std::span<std::uint8_t> packet) {
  const std::size_t at = std::size_t{header.checksum_start} + header.checksum_offset;
  if (at + 2 > packet.size()) return false;
  const std::uint16_t sum = checksum_fold(checksum_add(packet.subspan(header.checksum_start), 0));
  put16(packet, at, 0xffffu ^ sum);
  return true;
}

}  // namespace

std::uint32_t checksum_add(ByteView bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += get16(bytes, i);
  if (bytes.size() % 2 == 1) sum += static_cast<std::uint32_t>(bytes.back()) << 8;
  return sum;
}

std::uint16_t checksum_fold(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

OffloadHeader read_offload_header(ByteView bytes) {
  OffloadHeader header{.flags = bytes[0], .gso_type = bytes[1]};
  std::memcpy(&header.header_length, &bytes[2], 8);
  return header;
}

void write_offload_header(const OffloadHeader& header, std::span<std::uint8_t> bytes) {
  bytes[0] = header.flags;
  bytes[1] = header.gso_type;
  std::memcpy(&bytes[2], &header.header_length, 8);
}

bool PacketCutter::begin(std::span<std::uint8_t> bytes) {
  if (bytes.size() < OffloadHeader::size + 20) return false;
  const OffloadHeader header = read_offload_header(bytes);
  const auto packet = bytes.subspan(OffloadHeader::size);
  number_ = 0;
  if (header.gso_type == gso_none) return begin_single(header, packet);
  return (header.gso_type & ~gso_ecn) == gso_tcp4 && begin_train(header, packet);
}

bool PacketCutter::begin_single(const OffloadHeader& header, std::span<std::uint8_t> packet) {
  const auto transport = transport_of(packet);
  const bool unfinished = (header.flags & needs_checksum) != 0;
  single_ = true;
  partial_ = unfinished && transport && transport->start == header.checksum_start &&
             transport->checksum_offset() == header.checksum_offset;
  if (unfinished && !partial_ && !complete_checksum(header, packet)) return false;
  rest_ = packet;
  return true;
}

bool PacketCutter::begin_train(const OffloadHeader& header, std::span<std::uint8_t> packet) {
  const auto head = tcp4_head(packet);
  if (!head || header.segment == 0) return false;
  single_ = false;
  partial_ = true;
  head_size_ = *head;
  std::copy_n(packet.begin(), head_size_, head_.begin());
  rest_ = packet.subspan(head_size_);
  segment_ = header.segment;
  return !rest_.empty();
}

CutPacket PacketCutter::next() {
  if (single_) return {{}, std::exchange(rest_, {}), partial_};
  const ByteView payload = rest_.first(std::min(segment_, rest_.size()));
  rest_ = rest_.subspan(payload.size());
  const auto head = std::span{head_}.first(head_size_);
  if (number_++ > 0) {
    put16(head, 4, get16(head, 4) + 1);
    put32(head, 24, get32(head, 24) + static_cast<std::uint32_t>(segment_));
    head[33] &= static_cast<std::uint8_t>(~cwr);
  }
  // What ends a piece of the stream belongs to the last packet of it.
  const std::uint8_t flags = head[33];
  const auto out = std::span{out_}.first(head_size_);
  std::copy(head.begin(), head.end(), out.begin());
  if (!rest_.empty()) out[33] = static_cast<std::uint8_t>(flags & ~(fin | psh));
  set_size(out, head_size_ + payload.size());
  return {out, payload, true};
}

bool PacketJoiner::joins(ByteView packet, bool partial) const {
  if (parts_.empty() || !open_ || !partial || parts_.size() > packets_max) return false;
  const auto head = tcp4_head(packet);
  if (!head || *head != head_size_ || get16(packet, 2) != packet.size()) return false;
  const std::size_t payload = packet.size() - *head;
  if (payload == 0 || payload > segment_ || head_size_ + payload_ + payload > bytes_max)
    return false;
  if (get32(packet, 24) != next_sequence_ || (packet[33] & ~(psh | fin)) != ack) return false;
  const ByteView first = ByteView{head_}.subspan(OffloadHeader::size);
  // All but lengths, the packet's number, checksums, sequence and flags.
  const auto same = [&](std::size_t from, std::size_t to) {
    return std::memcmp(&first[from], &packet[from], to - from) == 0;
  };
  return same(0, 2) && same(6, 10) && same(12, 24) && same(28, 33) && same(34, 36) &&
         same(38, head_size_);
}

void PacketJoiner::join(ByteView packet) {
  const ByteView payload = packet.subspan(head_size_);
  parts_.push_back(payload);
  payload_ += payload.size();
  next_sequence_ += static_cast<std::uint32_t>(payload.size());
  head_[OffloadHeader::size + 33] |= packet[33];
  open_ = payload.size() == segment_ && (packet[33] & (psh | fin)) == 0;
}

bool PacketJoiner::start(ByteView packet, bool partial) {
  OffloadHeader header;
  const auto transport = transport_of(packet);
  if (packet.size() < 20 || packet.size() > bytes_max || (partial && !transport)) return false;
  if (partial)
    header = {.flags = needs_checksum,
              .checksum_start = static_cast<std::uint16_t>(transport->start),
              .checksum_offset = static_cast<std::uint16_t>(transport->checksum_offset())};
  const auto head = partial ? tcp4_head(packet) : std::nullopt;
  write_offload_header(header, head_);
  head_size_ = head.value_or(20);
  std::copy_n(packet.begin(), head_size_, head_.begin() + OffloadHeader::size);
  parts_ = {ByteView{head_}.first(OffloadHeader::size + head_size_), packet.subspan(head_size_)};
  payload_ = segment_ = packet.size() - head_size_;
  open_ = head && payload_ > 0 && packet[33] == ack && get16(packet, 2) == packet.size();
  if (open_) next_sequence_ = get32(packet, 24) + static_cast<std::uint32_t>(payload_);
  return true;
}

std::span<const ByteView> PacketJoiner::finish() {
  if (parts_.size() > 2) {
    write_offload_header({.flags = needs_checksum,
                          .gso_type = gso_tcp4,
                          .header_length = static_cast<std::uint16_t>(head_size_),
                          .segment = static_cast<std::uint16_t>(segment_),
                          .checksum_start = 20,
                          .checksum_offset = 16},
                         head_);
    set_size(std::span{head_}.subspan(OffloadHeader::size, head_size_), head_size_ + payload_);
  }
  finished_.swap(parts_);
  parts_.clear();
  return finished_;
}

}  // namespace axs::net
