#include "axs/plan/bundle_values.h"

#include <algorithm>

namespace axs::plan {

Values joined(const Values& a, const Values& b) {
  Values best(a.size(), impossible);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] < 0) continue;
    for (std::size_t j = 0; i + j < b.size(); ++j) best[i + j] = std::max(best[i + j], a[i] + b[j]);
  }
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
