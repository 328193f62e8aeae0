#include "axs/plan/node_widths.h"

#include <bit>

namespace axs::plan {

namespace {

constexpr std::uint32_t first_ladder = 1;  ///< its bit
constexpr std::size_t ladders_max = 8;
/// Of larger ones all widths would be too many to look at in time.
constexpr std::uint32_t small_node = 16;

/// Nothing if another ladder has all of it.
void add(std::vector<std::uint32_t> ladder, NodeWidths& widths) {
  const auto has_it = [&](const auto& other) { return std::ranges::includes(other, ladder); };
  if (widths.ladders.size() < ladders_max && std::ranges::none_of(widths.ladders, has_it))
    widths.ladders.push_back(std::move(ladder));
}

/// Nobody has as many as would not fit.
void increase(std::uint32_t& count, std::uint32_t by, std::uint64_t times) {
  constexpr std::uint64_t most = ~0u;
  count = static_cast<std::uint32_t>(std::min(most, count + by * std::min(times, most)));
}

}  // namespace

NodeWidths node_widths(std::uint32_t node) {
  NodeWidths widths{node, {}, {}};
  const std::uint32_t twos = node & (~node + 1);  // The greatest power of two that divides it.
  if (node > small_node) {
    std::vector<std::uint32_t> ladder;
    for (std::uint32_t width = 1; width <= twos; width *= 2) ladder.push_back(width);
    widths.ladders.push_back(std::move(ladder));
    return widths;
  }
  std::vector<std::uint32_t> powers;
  for (std::uint64_t width = 1; width < node && widths.steps.size() < steps_max; width *= 2) {
    powers.push_back(static_cast<std::uint32_t>(width));
    if (width > twos) widths.steps.push_back(powers.back());
  }
  powers.push_back(node);
  add(std::move(powers), widths);
  for (std::uint32_t odd = 3; odd <= node / twos; odd += 2) {
    if (node % odd != 0) continue;
    std::vector<std::uint32_t> ladder{1};
    for (std::uint32_t width = odd; width <= odd * twos; width *= 2) ladder.push_back(width);
    if (ladder.back() < node) ladder.push_back(node);
    add(std::move(ladder), widths);
  }
  return widths;
}

std::vector<std::uint32_t> NodeWidths::all() const {
  std::vector<std::uint32_t> widths;
  for (const auto& ladder : ladders) widths.insert(widths.end(), ladder.begin(), ladder.end());
  std::ranges::sort(widths);
  widths.erase(std::ranges::unique(widths).begin(), widths.end());
  return widths;
}

std::uint32_t NodeWidths::ladders_with(std::uint32_t width) const {
  if (are_plain()) return std::ranges::binary_search(ladders.front(), width) ? 1 : 0;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < ladders.size(); ++i)
    if (std::ranges::binary_search(ladders[i], width)) bits |= 1u << i;
  return bits;
}

void TypeUse::add(const NodeWidths& widths, std::uint32_t width, std::uint64_t groups) {
  increase(devices, width, groups);
  ladders &= widths.ladders_with(width);
  for (std::size_t i = 0; i < widths.steps.size(); ++i)
    increase(steps[i], width / widths.steps[i], groups);
}

PoolRoom::PoolRoom(const NodeWidths& widths, std::uint32_t devices, std::uint32_t bundle)
    : devices_{devices / bundle} {
  const std::uint32_t node = widths.node;
  for (std::size_t i = 0; i < widths.steps.size(); ++i) {
    const std::uint32_t step = widths.steps[i];
    steps_[i] = (devices / node * (node / step) + devices % node / step) / bundle;
  }
}

std::uint32_t PoolRoom::devices_for(const NodeWidths& widths, std::uint32_t width) const {
  const std::uint32_t ladders = ladders_ & widths.ladders_with(width);
  if (ladders == 0) return 0;
  if (ladders != first_ladder) return devices_;
  std::uint32_t groups = devices_ / width;
  for (std::size_t i = 0; i < widths.steps.size() && widths.steps[i] <= width; ++i)
    groups = std::min(groups, steps_[i] / (width / widths.steps[i]));
  return groups * width;
}

bool PoolRoom::take(const TypeUse& use, std::uint32_t count) {
  const std::uint64_t wanted = std::uint64_t{count} * use.devices;
  if (wanted > devices_) return false;
  devices_ -= static_cast<std::uint32_t>(wanted);
  ladders_ &= use.ladders;
  for (std::size_t i = 0; i < steps_max && use.steps[i] > 0; ++i) {
    const std::uint64_t places = std::uint64_t{count} * use.steps[i];
    if (places > steps_[i]) {
      ladders_ &= ~first_ladder;
      break;
    }
    steps_[i] -= static_cast<std::uint32_t>(places);
  }
  return ladders_ != 0;
}

bool PoolRoom::has_all_of(const PoolRoom& other, double devices) const {
  return devices_ >= std::min<double>(other.devices_, devices) &&
         (other.ladders_ & ~ladders_) == 0 &&
         std::ranges::equal(steps_, other.steps_, std::ranges::greater_equal{});
}

}  // namespace axs::plan
