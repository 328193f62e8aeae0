#include "axs/report/series.h"

#include <limits>

namespace axs::report {

void add(Series& series, double at, double value) {
  series.at.push_back(at);
  series.value.push_back(value);
}

void add_span(Series& series, double begin, double end, double value) {
  if (!series.at.empty() && begin > series.at.back())
    add(series, series.at.back(), std::numeric_limits<double>::quiet_NaN());
  add(series, begin, value);
  add(series, end, value);
}

Series thinned(const Series& series, std::size_t most) {
  const std::size_t size = series.at.size();
  if (size <= most || most < 4) return series;
  // Of each stretch the least and the greatest, in their order.
  const std::size_t stretches = most / 2;
  Series out{series.name, {}, {}};
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t begin = s * size / stretches, end = (s + 1) * size / stretches;
    std::size_t least = begin, greatest = begin;
    for (std::size_t i = begin; i < end; ++i) {
      if (series.value[i] < series.value[least]) least = i;
      if (series.value[i] > series.value[greatest]) greatest = i;
    }
    add(out, series.at[std::min(least, greatest)], series.value[std::min(least, greatest)]);
    if (least != greatest)
      add(out, series.at[std::max(least, greatest)], series.value[std::max(least, greatest)]);
  }
  return out;
}

}  // namespace axs::report
