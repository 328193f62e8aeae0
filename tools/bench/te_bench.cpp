// te_bench KEY=VALUE...: solves one synthetic problem of traffic engineering and prints one JSON
// object about it; tools/bench/te is what people call. Keys: sites, links, seed, load, decades (of
// capacities), weights (decades), repeat, gap, out (a file for other solvers), max_min (1: in three
// classes, 2: in one).

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "axs/net/flow_testing.h"
#include "axs/net/max_min.h"
#include "axs/net/total_flow.h"
#include "processor_time.h"

namespace {

using namespace axs::net;
using Options = std::map<std::string, std::string>;

constexpr std::size_t cuts = 15;

double processor_ms() {
  return 1e3 * processor_seconds();
}

template <class Work>
double timed(const Work& work) {
  const double start = processor_ms();
  work();
  return processor_ms() - start;
}

std::string spread(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  return fmt::format(R"({{"median": {:.4f}, "least": {:.4f}, "most": {:.4f}}})", ms[ms.size() / 2],
                     ms.front(), ms.back());
}

double number(const Options& options, const std::string& key, double otherwise) {
  const auto found = options.find(key);
  return found == options.end() ? otherwise : std::atof(found->second.c_str());
}

testing::WanShape shape_of(const Options& options) {
  return {.sites = static_cast<std::uint32_t>(number(options, "sites", 24)),
          .links = static_cast<std::uint32_t>(number(options, "links", 112)),
          .load = number(options, "load", 1),
          .capacity_decades = number(options, "decades", 0.6),
          .weight_decades = number(options, "weights", 0),
          .classes = number(options, "max_min", 0) == 1};
}

/// Counts, then capacities, then size, weight and number of paths of every demand, then the links
/// of every path after their number.
void write(const FlowProblem& problem, const std::string& name) {
  std::FILE* out = std::fopen(name.c_str(), "w");
  if (out == nullptr) {
    fmt::print(stderr, "{}: cannot be written\n", name);
    std::exit(1);
  }
  fmt::print(out, "{} {} {}\n", problem.links(), problem.demands(), problem.paths());
  for (const double capacity : problem.capacity()) fmt::print(out, "{}\n", capacity);
  for (std::size_t demand = 0; demand < problem.demands(); ++demand)
    fmt::print(out, "{} {} {}\n", problem.size()[demand], problem.weight()[demand],
               problem.first_path(demand + 1) - problem.first_path(demand));
  for (std::size_t path = 0; path < problem.paths(); ++path) {
    fmt::print(out, "{}", problem.path(path).size());
    for (const auto link : problem.path(path)) fmt::print(out, " {}", link);
    fmt::print(out, "\n");
  }
  std::fclose(out);
}

/// Cuts each of the fullest links by itself and solves again from `before`.
void bench_cuts(const FlowProblem& problem, const TotalFlow& before, const TotalFlowOptions& goal) {
  const auto load = link_loads(problem, before.flows);
  std::vector<std::uint32_t> order(problem.links());
  for (std::uint32_t link = 0; link < order.size(); ++link) order[link] = link;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return load[a] != load[b] ? load[a] > load[b] : a < b;
  });
  std::vector<double> ms;
  double worst = 0;
  for (std::size_t i = 0; i < std::min(cuts, order.size()); ++i) {
    auto cut = problem;
    AXS_ASSERT(cut.set_capacity(order[i], axs::BytesPerSecond{0}));
    TotalFlow after;
    ms.push_back(timed([&] { after = maximise_total_flow(cut, before, goal); }));
    worst = std::max(worst, after.gap());
  }
  fmt::print(R"(, "cut_ms": {}, "cut_gap": {})", spread(ms), worst);
}

void bench_total_flow(const FlowProblem& problem, const Options& options) {
  const TotalFlowOptions goal{.gap = number(options, "gap", 0.01)};
  TotalFlow found;
  std::vector<double> ms;
  for (int i = 0; i < static_cast<int>(number(options, "repeat", 9)); ++i)
    ms.push_back(timed([&] { found = maximise_total_flow(problem, goal); }));
  fmt::print(R"(, "ms": {}, "value": {}, "bound": {}, "gap": {}, "rounds": {})", spread(ms),
             found.value, found.bound, found.gap(), found.rounds);
  bench_cuts(problem, found, goal);
}

void bench_max_min(const FlowProblem& problem) {
  MaxMinFlow found;
  const double ms = timed([&] { found = share_max_min(problem); });
  fmt::print(R"(, "max_min_ms": {}, "doubt": {}, "levels": {}, "pivots": {})", ms,
             max_min_doubt(problem, found), found.levels.size(), found.pivots);
}

}  // namespace

int main(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      fmt::print(stderr, "te_bench: \"{}\", want KEY=VALUE\n", word);
      return 2;
    }
    options[word.substr(0, equals)] = word.substr(equals + 1);
  }
  FlowProblem problem = testing::wan_problem({}, 0);
  const auto seed = static_cast<std::uint64_t>(number(options, "seed", 1));
  const double ms = timed([&] { problem = testing::wan_problem(shape_of(options), seed); });
  if (options.contains("out")) write(problem, options["out"]);
  fmt::print(R"({{"links": {}, "demands": {}, "paths": {}, "make_ms": {})", problem.links(),
             problem.demands(), problem.paths(), ms);
  if (number(options, "max_min", 0) != 0)
    bench_max_min(problem);
  else
    bench_total_flow(problem, options);
  fmt::print("}}\n");
}
