#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/core/dmath.h"

namespace axs::net {

/// Tells a lasting shift of how often something happens (a hello is lost, a path is down) from
/// chance: Page's CUSUM on the log-likelihood ratio of Bernoulli trials (Page 1954; Reynolds and
/// Stoumbos, Journal of Quality Technology 31, 1999), one for more often and one for more seldom.
///
/// Events cluster, so only trials after one without the event count: under Gilbert's chain those
/// are independent. Such a CUSUM alarms by chance less than once in e^threshold trials, whatever
/// the frequency is (Lorden 1971, section 2). It is not known but learnt; so the ends of an
/// interval around it (two deviations, and the rule of three while nothing has happened) stand for
/// it, each in the test where it is the cautious one.
///
/// The two alternatives are twice as often and 1 % more, and half as often. A shift is seen after
/// threshold / I trials in the mean (Lorden, theorem 2), I being what one trial says: after 5
/// minutes of hellos every 10 ms, from 0 to 5 % within 500 trials, from 5 % to 1 % within 2,000.
class FrequencyShift {
 public:
  /// Less than one false alarm, of two kinds, in a day of trials every 10 ms: ln(2 * 8.64e6).
  static constexpr double threshold = 16.7;

  /// True if the frequency has shifted; it is then learnt anew.
  bool add(bool happened) {
    if (std::exchange(last_, happened)) return false;
    if (trials_ < warm_up) return learn(happened), false;
    const double noise = 2 * std::sqrt(frequency() * (1 - frequency()) / trials_) + 3 / trials_;
    const double most = std::min(frequency() + noise, 0.5);
    const double least = frequency() - noise;
    more_ = std::max(more_ + evidence(happened, most, std::min(2 * most + 0.01, 0.9)), 0.0);
    fewer_ = least > 0 ? std::max(fewer_ + evidence(happened, least, least / 2), 0.0) : 0;
    if (std::max(more_, fewer_) >= threshold) return *this = {}, true;
    learn(happened);
    return false;
  }

 private:
  static constexpr double warm_up = 512;
  static constexpr double memory = 1 << 15;  ///< Trials after which the counts are halved.

  double frequency() const { return events_ / trials_; }
  static double evidence(bool happened, double before, double after) {
    return happened ? dmath::log(after / before) : dmath::log((1 - after) / (1 - before));
  }
  void learn(bool happened) {
    trials_ += 1;
    events_ += happened ? 1 : 0;
    if (trials_ < memory) return;
    trials_ /= 2;
    events_ /= 2;
  }

  double trials_ = 0;
  double events_ = 0;
  double more_ = 0;
  double fewer_ = 0;
  bool last_ = false;
};

}  // namespace axs::net
