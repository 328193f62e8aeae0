#pragma once

#include <cstdint>
#include <optional>

#include "axs/core/time.h"

namespace axs::live {

/// How many hellos fit into their share of a processor. What one costs is found where it is spent,
/// in spans in which the process did little else.
class HelloPrice {
 public:
  /// Of a core, for all hellos of a site together, out and in.
  static constexpr double share = 0.02;

  struct Used {
    Duration processor{};
    std::uint64_t hellos{};   ///< That left; about as many came in.
    std::uint64_t packets{};  ///< With data, both ways.
  };
  /// `so_far` counts from any fixed moment on. Hellos a second, if this span has shown a price.
  std::optional<double> affordable(const Used& so_far);

 private:
  Used before_{};
  std::optional<Duration> price_;  ///< Of one hello out and one in.
};

}  // namespace axs::live
