#include "axs/plan/bundle_values.h"

#include <algorithm>
#include <deque>

namespace axs::plan {

namespace {

/// From a number of bundles to another, both with it, each more does as much as the one before.
struct Run {
  std::size_t first, last;
};

Run run_from(const Values& values, std::size_t first) {
  std::size_t last = std::min(first + 1, values.size() - 1);
  while (last + 1 < values.size() &&
         values[last + 1] - values[last] == values[last] - values[last - 1])
    ++last;
  return {first, last};
}

void join_one(const Values& a, std::size_t count, std::int64_t value, Values& best) {
  for (std::size_t i = 0; i + count < a.size(); ++i)
    best[i + count] = std::max(best[i + count], a[i] + value);
}

/// With all of a run at once: how good a number of `a` is beside others does not depend on what the
/// run adds, so that those that a later one beats are forgotten.
void join_run(const Values& a, const Values& b, Run run, Values& best) {
  const std::int64_t each = b[run.last] - b[run.last - 1];
  const auto number = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const auto worth = [&](std::size_t i) { return a[i] - number(i) * each; };
  std::deque<std::size_t> ahead;  // Each is worth less than the one before.
  for (std::size_t n = run.first; n < a.size(); ++n) {
    const std::size_t next = n - run.first;
    while (!ahead.empty() && worth(ahead.back()) <= worth(next)) ahead.pop_back();
    ahead.push_back(next);
    if (ahead.front() + run.last < n) ahead.pop_front();
    best[n] = std::max(best[n], worth(ahead.front()) + b[run.first] + number(next) * each);
  }
}

}  // namespace

Values joined(const Values& a, const Values& b) {
  const auto possible = [](const Values& values) {
    return std::ranges::count_if(values, [](std::int64_t value) { return value >= 0; });
  };
  if (possible(a) < possible(b)) return joined(b, a);  // Few numbers have few runs.
  constexpr std::size_t long_enough = 16;
  Values best(a.size(), impossible);
  for (std::size_t j = 0; j < b.size(); ++j) {
    if (b[j] < 0) continue;
    const Run run = run_from(b, j);
    if (run.last - j < long_enough) {
      join_one(a, j, b[j], best);
    } else {
      join_run(a, b, run, best);
      j = run.last;
    }
  }
  for (std::int64_t& value : best)
    if (value < 0) value = impossible;
  return best;
}

std::int64_t joined_at(const Values& a, const Values& b, std::uint32_t bundles) {
  std::int64_t best = impossible;
  for (std::uint32_t mine = 0; mine <= bundles; ++mine)
    if (a[mine] >= 0 && b[bundles - mine] >= 0) best = std::max(best, a[mine] + b[bundles - mine]);
  return best;
}

Values no_values(std::uint32_t bundles) {
  Values values(bundles + 1, impossible);
  values[0] = 0;
  return values;
}

JoinedParts no_parts(std::uint32_t bundles, std::size_t parts, std::size_t parts_max) {
  return {parts_max < parts ? parts_max + 1 : 1, no_values(bundles)};
}

JoinedParts joined(const JoinedParts& before, const Values& part) {
  if (before.size() == 1) return {joined(before.front(), part)};
  JoinedParts after{before.front()};
  for (std::size_t most = 1; most < before.size(); ++most) {
    Values& values = after.emplace_back(joined(before[most - 1], part));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::max(values[i], before[most][i]);
  }
  return after;
}

std::vector<std::uint32_t> shares(const std::vector<Values>& parts, std::uint32_t bundles,
                                  std::size_t parts_max) {
  const auto most_bundles = static_cast<std::uint32_t>(parts.front().size() - 1);
  std::vector<JoinedParts> before{no_parts(most_bundles, parts.size(), parts_max)};
  for (const Values& part : parts) before.push_back(joined(before.back(), part));
  std::size_t most = before.front().size() - 1;
  std::vector<std::uint32_t> shares(parts.size());
  for (std::size_t i = parts.size(); i-- > 0;) {
    const std::int64_t wanted = before[i + 1][most][bundles];
    if (before[i][most][bundles] == wanted) continue;
    if (most > 0) --most;
    std::uint32_t mine = 1;
    while (before[i][most][bundles - mine] < 0 || parts[i][mine] < 0 ||
           before[i][most][bundles - mine] + parts[i][mine] != wanted)
      ++mine;
    shares[i] = mine;
    bundles -= mine;
  }
  return shares;
}

}  // namespace axs::plan
