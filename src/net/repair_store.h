#pragma once

#include <map>

#include "axs/net/transport.h"

/// For worlds, which have the bytes: what RepairFrames and Rebuilt ask of them.
namespace axs::net {

/// Adds what the frame stands for to `out`, zeros of the block's length; its message has `total`
/// bytes. read(range, take) calls take(offset, bytes) for all bytes of the message in `range`, in
/// as many pieces as it likes.
template <class Read>
void make_repair(const RepairFrame& frame, std::uint64_t total, std::span<std::uint8_t> out,
                 Read&& read) {
  AXS_ASSERT(frame.block.fits(total));
  for (std::uint32_t i = 0; i < frame.block.symbols(total); ++i) {
    const Range symbol = frame.block.symbol(i, total);
    read(symbol, [&](std::uint64_t offset, ByteView bytes) {
      add_to_repair(out, frame.index, i, offset - symbol.first, bytes);
    });
  }
}

/// The repairs of one message that wait until they are of use.
class RepairStore {
 public:
  void keep(const RepairStored& repair, ByteView bytes) {
    blocks_[repair.block][repair.index] = {bytes.begin(), bytes.end()};
  }
  /// Does what `order` says; `read` as for make_repair(), and put(offset, bytes) is given each
  /// symbol that was lost.
  template <class Read, class Put>
  void rebuild(const Rebuilt& order, Read&& read, Put&& put) {
    const auto kept = blocks_.extract(order.block);
    if (kept.empty() || order.lost.empty()) return;
    Rebuilder rebuilder{order.lost, order.repairs};
    for (std::size_t i = 0; i < order.repairs.size(); ++i)
      rebuilder.take_repair(i, kept.mapped().at(order.repairs[i]));
    auto lost = order.lost.begin();
    for (std::uint32_t i = 0; i < order.block.symbols(order.total); ++i) {
      if (lost != order.lost.end() && *lost == i) {
        ++lost;
        continue;
      }
      const Range symbol = order.block.symbol(i, order.total);
      read(symbol, [&](std::uint64_t offset, ByteView bytes) {
        rebuilder.take(i, offset - symbol.first, bytes);
      });
    }
    const auto rebuilt = std::move(rebuilder).rebuild();
    for (std::size_t i = 0; i < rebuilt.size(); ++i) {
      const Range symbol = order.block.symbol(order.lost[i], order.total);
      put(symbol.first, ByteView{rebuilt[i]}.first(symbol.size()));
    }
  }

 private:
  std::map<RepairBlock, std::map<std::uint32_t, ByteVector>> blocks_;
};

}  // namespace axs::net
