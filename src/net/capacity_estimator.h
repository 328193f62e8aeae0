#pragma once

#include <cstdint>
#include <optional>

#include "axs/core/time.h"
#include "axs/core/units.h"
#include "axs/net/step_detector.h"

namespace axs::net {

/// How much a path carries, from what is delivered while the path itself sets the pace, and lasting
/// shifts of that (rain, another beam, a link that others fill).
///
/// Samples are averaged over tenths of a second. The logarithm of such a mean goes to a
/// StepDetector, which counts in time: 5 ms for each factor of e, so that its least deviation, 50
/// us, is 1 % here. A shift is seen after 8 to 20 tenths of a second; without one there is less
/// than one false alarm in five days, if tenths are independent of each other.
class CapacityEstimator {
 public:
  /// So much was delivered per second. `limiting`: the path set the pace, not the sender.
  void add(Instant now, BytesPerSecond rate, bool limiting);

  /// What the path carries: the level of limiting samples, or more if more has been proven since;
  /// 0 if the limit has never been met. Without meeting it again it is expected to have risen by 1
  /// % a second, up to twice as much: who sends less than the path carries cannot know better.
  BytesPerSecond capacity(Instant now) const;
  /// The most that was delivered over a tenth of a second since the last shift.
  BytesPerSecond proven() const { return BytesPerSecond{proven_}; }
  /// Lasting shifts so far.
  std::uint32_t steps() const { return steps_; }

 private:
  struct Mean {
    double sum = 0;
    int count = 0;
    void add(double x) { sum += x, ++count; }
    double value() const { return sum / count; }
  };
  void close(Instant now);
  void limit(Instant now, double rate);

  std::optional<std::int64_t> block_;
  Mean all_;
  Mean limiting_;
  StepDetector level_;
  double capacity_ = 0;  ///< Bytes per second; likewise:
  double proven_ = 0;
  Instant met_{};  ///< When the capacity was last met or raised.
  std::uint32_t steps_ = 0;
};

}  // namespace axs::net
