#pragma once

#include <string>
#include <vector>

namespace axs::report {

/// Two lists of the same length: seconds since the run started, and values; not a number where
/// there is none.
struct Series {
  std::string name;
  std::vector<double> at;
  std::vector<double> value;
};

void add(Series& series, double at, double value);
/// A value that held all the time from `begin` to `end`; there is none since the last one ended.
void add_span(Series& series, double begin, double end, double value);

/// At most `most` points of the series, the first and the last of each stretch kept, with the
/// least and greatest value of each, so that no peak is lost.
Series thinned(const Series& series, std::size_t most);

}  // namespace axs::report
