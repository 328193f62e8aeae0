#include "axs/plan/site_exchange.h"

#include <algorithm>

namespace axs::plan {

double SiteExchange::fragments_per_step() const {
  return static_cast<double>(how.sync.fragments) / how.sync.period;
}

double SiteExchange::hidden_steps() const {
  return std::min<double>(how.sync.overlap, 1 / fragments_per_step());
}

Seconds SiteExchange::exposed(Seconds step) const {
  const Seconds hidden = hidden_steps() * step;
  Seconds exposed{};
  for (const FragmentTime& fragment : forecast)
    exposed += fragment.share * std::max(Seconds{}, fragment.exchange - hidden);
  return fragments_per_step() * exposed;
}

/// Newton's method from above: after() is convex and made of lines, so that each step but the last
/// leaves one of them for good.
Seconds SiteExchange::step_within(Seconds limit) const {
  constexpr double precise = 1e-12;
  Seconds step = std::max(limit, Seconds{});
  for (;;) {
    const Seconds above = after(step) - limit;
    if (above <= precise * step) return step;
    double exposed_share = 0;
    for (const FragmentTime& fragment : forecast)
      if (fragment.exchange > hidden_steps() * step) exposed_share += fragment.share;
    const double slope = 1 - fragments_per_step() * hidden_steps() * exposed_share;
    if (above >= slope * step) return {};
    step -= above / slope;
  }
}

}  // namespace axs::plan
