#include "axs/live/pieces.h"

#include <iterator>
#include <utility>

namespace axs::live {

void Pieces::put(std::uint64_t offset, ByteView bytes) {
  size_ += bytes.size();
  auto after = pieces_.upper_bound(offset);
  auto at = after == pieces_.begin() ? pieces_.end() : std::prev(after);
  if (at == pieces_.end() || at->first + at->second.size() != offset)
    at = pieces_.emplace_hint(after, offset, ByteVector{});
  at->second.insert(at->second.end(), bytes.begin(), bytes.end());
  if (after == pieces_.end() || after->first != offset + bytes.size()) return;
  if (after->second.size() >= joined_below) return;
  at->second.insert(at->second.end(), after->second.begin(), after->second.end());
  pieces_.erase(after);
}

void Pieces::fill(std::uint64_t offset, ByteView bytes) {
  std::vector<std::pair<std::uint64_t, ByteView>> gaps;
  std::uint64_t next = offset;
  const auto leave_gap = [&](std::uint64_t end) {
    if (next < end) gaps.emplace_back(next, bytes.subspan(next - offset, end - next));
  };
  read(offset, bytes.size(), [&](std::uint64_t at, ByteView there) {
    leave_gap(at);
    next = at + there.size();
  });
  leave_gap(offset + bytes.size());
  for (const auto& [at, gap] : gaps) put(at, gap);
}

ByteVector Pieces::whole() && {
  if (pieces_.empty()) return {};
  ByteVector bytes = std::move(pieces_.begin()->second);
  bytes.reserve(size_);
  for (auto piece = std::next(pieces_.begin()); piece != pieces_.end(); ++piece)
    bytes.insert(bytes.end(), piece->second.begin(), piece->second.end());
  return bytes;
}

}  // namespace axs::live
