#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace axs::plan {

/// Micro-batches that so many bundles can do, by the number of bundles.
using Values = std::vector<std::int64_t>;
inline constexpr std::int64_t impossible = -1'000'000'000'000'000;

/// Of no devices.
Values no_values(std::uint32_t bundles);
/// The most of `a` and `b` together.
Values joined(const Values& a, const Values& b);

/// The same for so many bundles alone.
std::int64_t joined_at(const Values& a, const Values& b, std::uint32_t bundles);

/// The most of some parts together, by how many of them have a share, at most; one element alone:
/// all may.
using JoinedParts = std::vector<Values>;

/// Of none of `parts` parts yet.
JoinedParts no_parts(std::uint32_t bundles, std::size_t parts, std::size_t parts_max);
JoinedParts joined(const JoinedParts& before, const Values& part);

/// How `bundles` are shared out to reach the best of all `parts` together, of which at most
/// `parts_max` get a share.
std::vector<std::uint32_t> shares(const std::vector<Values>& parts, std::uint32_t bundles,
                                  std::size_t parts_max);

}  // namespace axs::plan
