#include "axs/net/handshake_stream.h"

#include <algorithm>

namespace axs::net {

std::vector<HandshakeStream::Piece> HandshakeStream::write(ByteView data) {
  AXS_ASSERT(data.size() <= limit - outgoing_.size());
  const std::size_t start = outgoing_.size();
  outgoing_.insert(outgoing_.end(), data.begin(), data.end());
  return pieces_from(start);
}

std::vector<HandshakeStream::Piece> HandshakeStream::unacknowledged() const {
  return pieces_from(acknowledged_);
}

std::vector<HandshakeStream::Piece> HandshakeStream::pieces_from(std::size_t offset) const {
  std::vector<Piece> pieces;
  for (ByteView rest = ByteView{outgoing_}.subspan(offset); !rest.empty();) {
    const ByteView data = rest.first(std::min<std::size_t>(rest.size(), segment_size));
    pieces.push_back({static_cast<std::uint32_t>(outgoing_.size() - rest.size()), data});
    rest = rest.subspan(data.size());
  }
  return pieces;
}

bool HandshakeStream::acknowledge(std::uint32_t offset) {
  if (offset <= acknowledged_ || offset > outgoing_.size()) return false;
  acknowledged_ = offset;
  return true;
}

ByteVector HandshakeStream::receive(std::uint32_t offset, ByteView data) {
  if (offset > limit || data.size() > limit - offset) return {};
  const std::size_t end = offset + data.size();
  if (end > incoming_.size()) incoming_.resize(end), present_.resize(end);
  std::copy(data.begin(), data.end(), incoming_.begin() + offset);
  std::fill(present_.begin() + offset, present_.begin() + static_cast<std::ptrdiff_t>(end), true);
  const std::uint32_t before = received_;
  while (received_ < present_.size() && present_[received_]) ++received_;
  return {incoming_.begin() + before, incoming_.begin() + received_};
}

}  // namespace axs::net
