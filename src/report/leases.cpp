#include "axs/report/leases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "axs/report/run_time.h"

namespace axs::report {
namespace {

using Pair = std::pair<std::string, std::string>;

constexpr double megabits = 8e-6;  ///< of a byte

/// One transfer, as its sender notes it.
struct Arrival {
  Pair pair;
  Series series;
  double at{};
  std::uint64_t kept{};
};

std::string name_of(const Pair& pair) {
  return pair.first + " → " + pair.second;
}

/// No reader would see a difference.
bool alike(const std::vector<catalog::LeasedPath>& a, const std::vector<catalog::LeasedPath>& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.path == other.path &&
           std::fabs(one.rate.value() - other.rate.value()) <= 0.01 * one.rate.value();
  });
}

class Collector {
 public:
  explicit Collector(const record::History& history) : begin_{start_of(history)} {
    for (const record::Entry& entry : history.entries) {
      now_ = seconds_of(entry.at) - begin_;
      std::visit([&](const auto& fact) { see(entry.site, fact); }, entry.fact);
    }
    while (!open_.empty()) close(open_.begin()->first, {});
  }

  Bulk take() {
    std::ranges::sort(leases_, {}, [](const Lease& lease) {
      return std::tie(lease.begin, lease.from, lease.to);
    });
    Bulk bulk{.leases = std::move(leases_)};
    std::map<Pair, Series> leased;
    for (Lease& lease : bulk.leases) {
      lease.received = mean_received(lease);
      const Pair pair{lease.from, lease.to};
      const auto at = leased.try_emplace(pair, Series{name_of(pair) + ", leased", {}, {}}).first;
      add_span(at->second, lease.begin, lease.end, lease.rate);
    }
    for (auto& [pair, series] : leased) bulk.leased.push_back(std::move(series));
    for (auto& [transfer, arrival] : arrivals_) bulk.received.push_back(std::move(arrival.series));
    return bulk;
  }

 private:
  template <class Fact>
  void see(const std::string&, const Fact&) {}
  void see(const std::string&, const catalog::LeaseGranted& fact) {
    const Pair pair{fact.from, fact.to};
    const auto held = open_.find(pair);
    if (held != open_.end() && alike(held->second.paths, fact.paths)) return;
    close(pair, fact.paths.empty() ? fact.sentence : std::string{});
    open(pair, fact.paths, fact.sentence);
  }
  void see(const std::string& site, const catalog::LeaseLost& fact) {
    const Pair pair{site, fact.peer};
    const auto held = open_.find(pair);
    if (held == open_.end()) return;
    if (fact.path.empty()) return close(pair, "nobody renewed it");
    auto rest = held->second.paths;
    std::erase_if(rest, [&](const auto& path) { return path.path == fact.path; });
    const std::string why = fact.path + " died";
    close(pair, rest.empty() ? why : std::string{});
    open(pair, rest, why + ", and its share with it");
  }
  void see(const std::string&, const catalog::RunFinished&) {
    while (!open_.empty()) close(open_.begin()->first, {});
  }
  void see(const std::string&, const catalog::TransferBegan& fact) {
    const Pair pair{fact.from, fact.to};
    Arrival& arrival =
        arrivals_
            .try_emplace(fact.transfer,
                         Arrival{pair, {fact.name + " " + name_of(pair) + ", received", {}, {}}})
            .first->second;
    arrival.at = now_;
    arrival.kept = fact.kept;
  }
  void see(const std::string&, const catalog::TransferProgressed& fact) {
    arrive(fact.transfer, fact.kept);
  }
  void see(const std::string&, const catalog::TransferDone& fact) {
    arrive(fact.transfer, fact.bytes);
  }

  void open(const Pair& pair, std::vector<catalog::LeasedPath> paths, std::string why) {
    if (paths.empty()) return;
    Lease lease{.from = pair.first,
                .to = pair.second,
                .paths = std::move(paths),
                .begin = now_,
                .why = std::move(why),
                .ended = {}};
    for (const catalog::LeasedPath& path : lease.paths) lease.rate += path.rate.value() * megabits;
    open_.emplace(pair, std::move(lease));
  }
  void close(const Pair& pair, std::string ended) {
    const auto held = open_.find(pair);
    if (held == open_.end()) return;
    held->second.end = now_;
    held->second.ended = std::move(ended);
    leases_.push_back(std::move(held->second));
    open_.erase(held);
  }
  void arrive(std::uint32_t transfer, std::uint64_t kept) {
    const auto held = arrivals_.find(transfer);
    if (held == arrivals_.end()) return;
    Arrival& arrival = held->second;
    // A receiver that was killed may have less than before.
    if (kept > arrival.kept && now_ > arrival.at)
      add_span(arrival.series, arrival.at, now_,
               static_cast<double>(kept - arrival.kept) * megabits / (now_ - arrival.at));
    arrival.at = now_;
    arrival.kept = kept;
  }

  double mean_received(const Lease& lease) const {
    double megabit = 0;
    for (const auto& [transfer, arrival] : arrivals_) {
      if (arrival.pair != Pair{lease.from, lease.to}) continue;
      const Series& series = arrival.series;
      for (std::size_t i = 0; i + 1 < series.at.size(); ++i) {
        const double begin = std::max(series.at[i], lease.begin);
        const double end = std::min(series.at[i + 1], lease.end);
        if (end > begin) megabit += series.value[i] * (end - begin);
      }
    }
    return lease.end > lease.begin ? megabit / (lease.end - lease.begin) : 0;
  }

  double begin_;
  double now_ = 0;
  std::map<Pair, Lease> open_;
  std::vector<Lease> leases_;
  std::map<std::uint32_t, Arrival> arrivals_;
};

}  // namespace

Bulk bulk(const record::History& history) {
  return Collector{history}.take();
}

std::string paths_text(const Lease& lease) {
  std::string text;
  for (const catalog::LeasedPath& path : lease.paths)
    text += fmt::format("{}{:.1f} Mb/s over {}", text.empty() ? "" : " and ",
                        path.rate.value() * megabits, path.path);
  return text;
}

}  // namespace axs::report
