#include "axs/live/hello_price.h"

#include <algorithm>

namespace axs::live {

namespace {

/// Fewer hellos say little: what the process does anyway weighs as much.
constexpr std::uint64_t telling = 100;
/// One span in which the machine was busy with others does not decide.
constexpr std::int64_t smoothing = 4;

}  // namespace

std::optional<double> HelloPrice::affordable(const Used& so_far) {
  const Used span{so_far.processor - before_.processor, so_far.hellos - before_.hellos,
                  so_far.packets - before_.packets};
  before_ = so_far;
  // With more data than hellos it is not hellos that are paid for; less costs about as much.
  if (span.hellos < telling || span.packets > span.hellos) return {};
  const Duration seen = span.processor / static_cast<std::int64_t>(span.hellos + span.packets);
  price_ = price_ ? *price_ + (seen - *price_) / smoothing : seen;
  return share / std::max(*price_, microseconds(1)).seconds();
}

}  // namespace axs::live
