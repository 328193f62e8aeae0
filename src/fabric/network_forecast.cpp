#include "axs/fabric/network_forecast.h"

#include <algorithm>

#include "axs/fabric/passages.h"

namespace axs::fabric {

namespace {

Passage passage(const LinkPlan& link, Duration from) {
  const Duration until = from + spell;
  const BytesPerSecond rate =
      std::min(rate_of(link.forth, from, until), rate_of(link.back, from, until));
  MeanPassage mean;
  for (Duration at = from; at < until; at += look_every) {
    const Wire forth = wire_at(link, false, at);
    const Wire back = wire_at(link, true, at);
    if (forth.up && back.up)
      mean.add({rate, Seconds{forth.one_way.seconds() + back.one_way.seconds()}});
    else
      mean.add({});
  }
  return mean.mean();
}

Passage together(const Passage& a, const Passage& b) {
  if (a.rate == BytesPerSecond{}) return b;
  if (b.rate == BytesPerSecond{}) return a;
  return {a.rate + b.rate, std::min(a.round_trip, b.round_trip)};
}

}  // namespace

NetworkForecast network_forecast(std::span<const LinkPlan> links) {
  PairPassages pairs;
  for (const LinkPlan& link : links) {
    Passages& passages = pairs[std::minmax(link.a.value, link.b.value)];
    passages.resize(spells);
    for (std::size_t i = 0; i < spells; ++i)
      passages[i] = together(passages[i], passage(link, start_of(i)));
  }
  return forecast_of(std::move(pairs));
}

}  // namespace axs::fabric
