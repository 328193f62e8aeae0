#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace axs::plan {

/// How nodes of so many devices may be cut into tensor groups, each of which lies in one node. In a
/// pool all groups are of one ladder, so that counts tell whether they fit, however many there are.
struct NodeWidths {
  std::uint32_t node = 1;
  /// Widths, the narrowest first. Of the first ladder, powers of two with the whole node; of any
  /// other, an odd divisor of the node and its doubles that divide it, and one.
  std::vector<std::vector<std::uint32_t>> ladders{};
  /// Those of the first ladder that leave a rest of a node, but for it: in all nodes of a pool
  /// there are places for fewer of them than devices tell.
  std::vector<std::uint32_t> steps{};

  /// Of all ladders, the narrowest first.
  std::vector<std::uint32_t> all() const;
  /// A bit for each ladder that has the width.
  std::uint32_t ladders_with(std::uint32_t width) const;
  /// Whether any groups fit if there are as many devices as they have.
  bool are_plain() const { return ladders.size() == 1 && steps.empty(); }
};

/// What is looked at of nodes of so many devices: all divisors with few odd factors, and powers of
/// two; of large nodes only powers of two that divide them.
NodeWidths node_widths(std::uint32_t node);

inline constexpr std::size_t steps_max = 7;
/// Counts for each of the steps.
using StepCounts = std::array<std::uint32_t, steps_max>;

/// Tensor groups of a type that a replica uses.
struct TypeUse {
  std::uint32_t type = 0;
  std::uint32_t devices = 0;
  std::uint32_t ladders = ~0u;  ///< a bit for each that has all their widths
  StepCounts steps{};           ///< places of each step that they take

  void add(const NodeWidths& widths, std::uint32_t width, std::uint64_t groups);
};

/// What is left of the devices of a type at a site.
class PoolRoom {
 public:
  PoolRoom() = default;
  /// A `bundle`th of so many devices, in whole nodes and one that is not full.
  PoolRoom(const NodeWidths& widths, std::uint32_t devices, std::uint32_t bundle);

  /// In groups of any one width, at most.
  std::uint32_t devices() const { return devices_; }
  /// In groups of one width.
  std::uint32_t devices_for(const NodeWidths& widths, std::uint32_t width) const;
  /// False: there is no place for them. The room is of no use then.
  bool take(const TypeUse& use, std::uint32_t count);
  /// The same of groups of any widths in plain nodes.
  bool take(std::uint32_t devices) {
    if (devices > devices_) return false;
    devices_ -= devices;
    return true;
  }
  /// Whatever of up to so many devices has a place in the other has one here.
  bool has_all_of(const PoolRoom& other, double devices) const;
  bool operator==(const PoolRoom&) const = default;

 private:
  std::uint32_t devices_ = 0;
  std::uint32_t ladders_ = ~0u;  ///< a bit for each that has all widths in use
  StepCounts steps_{};           ///< places of each step, if the first ladder is in use
};

}  // namespace axs::plan
