#pragma once

#include <cmath>
#include <span>

namespace axs::learn {

/// Of `a` from `b`, as a share of the length of `b`; both have the same size.
inline double distance(std::span<const float> a, std::span<const float> b) {
  double squares = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    squares += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(squares / size);
}

}  // namespace axs::learn
