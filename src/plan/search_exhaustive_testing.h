#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "axs/core/dmath.h"
#include "axs/plan/exhaustive_pipelines_testing.h"
#include "axs/plan/exhaustive_spanning_testing.h"

namespace axs::plan {

/// The search as plain as it can be, for fleets of a handful of devices: all methods, numbers of
/// replicas, sets of sites, pipelines, cuts, subsets of devices, shares of the work and ways to
/// exchange. It shares only StageCost and exchange_time() with the search.
class Exhaustive : ExhaustivePipelines {
 public:
  Exhaustive(const Job& job, const Fleet& fleet, const Calibration& calibration)
      : ExhaustivePipelines{job, fleet, calibration} {}

  /// Of the best plan; a very long one if there is none.
  Seconds step() {
    Devices devices(fleet_.sites.size(), SiteDevices(fleet_.types.size()));
    std::uint32_t all = 0;
    for (std::size_t site = 0; site < devices.size(); ++site)
      for (const Pool& pool : fleet_.sites[site].pools) {
        devices[site][pool.type] += pool.devices;
        all += pool.devices;
      }
    for_all_methods(all, [&] {
      try_all(devices);
      try_spanning();
    });
    return best_;
  }

 private:
  using Devices = std::vector<SiteDevices>;  ///< by site
  using Times = std::vector<Seconds>;        ///< by micro-batches

  void try_all(const Devices& devices) {
    ends_.clear();
    for (const SiteDevices& site : devices)
      for_all_pipelines(site, [&](const auto& stages, const auto& used) {
        for_all_chunks(stages, [&](std::uint32_t chunks) { take(stages, used, chunks); });
      });
    for (std::uint32_t sites = 1; sites < (1u << devices.size()); ++sites) {
      const Seconds step = time_at(devices, sites, micro_batches_) + fixed_;
      best_ = std::min(best_, exchanged(sites, step, false));
    }
    if (job_.loss_gap_max) try_apart(devices);
  }

  /// The least time in which replicas at the sites whose bits are set do the micro-batches.
  Seconds time_at(const Devices& devices, std::uint32_t sites, std::uint32_t micro_batches) {
    Devices some = devices;
    for (std::size_t site = 0; site < some.size(); ++site)
      if ((sites >> site & 1) == 0) some[site].assign(some[site].size(), 0);
    there_ = some;
    known_.clear();
    return rest(replicas_, std::vector<Groups>(some.size(), no_groups()), micro_batches);
  }

  /// Each site has a number of replicas and a share of the work of its own, and they are priced as
  /// if it were alone.
  void try_apart(const Devices& devices) {
    if (replicas_ == 1) alone_.assign(devices.size(), Times(micro_batches_ + 1, Seconds{1e30}));
    for (std::uint32_t site = 0; site < devices.size(); ++site)
      for (std::uint32_t m = 1; m <= micro_batches_; ++m)
        alone_[site][m] = std::min(alone_[site][m], time_at(devices, 1u << site, m));
    for (std::uint32_t sites = 1; sites < (1u << devices.size()); ++sites) {
      Times together(micro_batches_ + 1, Seconds{1e30});
      together[0] = {};
      for (std::size_t site = 0; site < devices.size(); ++site)
        if ((sites >> site & 1) == 1) together = with(together, alone_[site]);
      if (std::popcount(sites) > 1)
        best_ = std::min(best_, exchanged(sites, together.back() + fixed_, true));
    }
  }

  /// By micro-batches, of which one does some and the other all others.
  static Times with(const Times& a, const Times& b) {
    Times both(a.size(), Seconds{1e30});
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; i + j < a.size(); ++j)
        both[i + j] = std::min(both[i + j], std::max(a[i], b[j]));
    return both;
  }

  /// Replicas that are alike, with as even work as can be.
  void try_spanning() {
    if (one_stage_ || replicas_ > spanning_replicas_max) return;
    const std::uint32_t work = (micro_batches_ + replicas_ - 1) / replicas_;
    ExhaustiveSpanning{fleet_, costs_, replicas_}.for_all(
        job_.shape.layers, [&](const auto& stages, const auto& waits) {
          if (have_memory(stages, 1))
            best_ = std::min(best_, fixed_ + end_of(stages, waits, work, 1));
        });
  }

  /// A step with the quickest exchange between the sites whose bits are set: in every step, or of
  /// all others.
  Seconds exchanged(std::uint32_t sites, Seconds step, bool apart) const {
    const auto count = static_cast<std::size_t>(std::popcount(sites));
    if (count == 1 || step >= Seconds{1e30}) return step;
    const double size = parameters(job_.shape);
    std::vector<OuterOption> options{{}};
    if (apart) options = outer_options(size, job_.shape.layers, count, *job_.loss_gap_max);
    if (apart) std::erase_if(options, [](const auto& option) { return option.sync.period == 1; });
    const std::vector<Seconds> spells =
        fleet_.spells.empty() ? std::vector{Seconds{1}} : fleet_.spells;
    Seconds best{1e30};
    for (OuterOption& option : options) {
      option.sync.during_backward = false;
      const OuterJob outer{size, job_.shape.layers, std::vector(count, step)};
      Seconds waits{}, lasts{};
      for (std::uint32_t spell = 0; spell < spells.size(); ++spell) {
        const Bytes fragment = Bytes{size * option.sync.bits / 8} / option.sync.fragments;
        const auto cost = outer_cost(outer, option.sync, slowest_link(sites, fragment, spell));
        waits += spells[spell] * (cost ? cost->exposed.value() / option.sync.period : 1e30);
        lasts += spells[spell];
      }
      best = std::min(best, step + Seconds{waits / lasts});
    }
    return best;
  }

  /// How long an exchange takes over the slowest link of the best way between any two of the sites.
  Seconds slowest_link(std::uint32_t sites, Bytes size, std::uint32_t spell) const {
    const std::size_t n = fleet_.sites.size();
    std::vector<std::vector<Seconds>> way(n, std::vector<Seconds>(n, Seconds{1e30}));
    for (const SiteLink& link : fleet_.links)
      if (link.spell == spell)
        way[link.from][link.to] = way[link.to][link.from] =
            std::min(way[link.from][link.to], exchange_time(size, link));
    for (std::size_t over = 0; over < n; ++over)
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b)
          way[a][b] = std::min(way[a][b], std::max(way[a][over], way[over][b]));
    Seconds slowest{};
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < a; ++b)
        if ((sites >> a & 1) == 1 && (sites >> b & 1) == 1) slowest = std::max(slowest, way[a][b]);
    return slowest;
  }

  void take(const std::vector<Stage>& stages, const Groups& used, std::uint32_t chunks) {
    if (!have_memory(stages, chunks)) return;
    std::vector<const StageCost*> costs;
    for (const Stage& stage : stages) costs.push_back(stage.cost);
    std::vector<Seconds> transfers;
    for (std::size_t i = 0; i < stages.size(); ++i) transfers.push_back(transfers_of(costs, i));
    auto& ends = ends_[used];
    ends.resize(micro_batches_ + 1, Seconds{1e30});
    for (std::uint32_t m = 1; m <= micro_batches_; ++m)
      ends[m] = std::min(ends[m], end_of(stages, transfers, m, chunks));
  }

  /// A replica with that many micro-batches.
  template <class Stages>
  Seconds end_of(const Stages& stages, const std::vector<Seconds>& transfers,
                 std::uint32_t micro_batches, std::uint32_t chunks) const {
    Chunked chunked{.chunks = chunks};
    Seconds tail{};
    double nodes = 0;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const StageCost& cost = *stages[i].cost;
      const StagePlace place = place_of(i, stages.size());
      chunked.add(cost.time(place).at(stages[i].layers), transfers[i]);
      tail = std::max(tail, cost.tail(stages[i].layers, place));
      nodes += cost.nodes();
    }
    const double stretch = 1 + calibration_.shared.stragglers *
                                   (dmath::log(std::max(nodes * replicas_, 1.0)) / dmath::log(2));
    return stretch * (chunked.all(micro_batches) + tail);
  }

  /// With as many micro-batches in flight as the step has.
  template <class Stages>
  bool have_memory(const Stages& stages, std::uint32_t chunks) const {
    for (std::size_t i = 0; i < stages.size(); ++i)
      if (!has_memory({stages[i].type, stages[i].cost, stages[i].layers},
                      place_of(i, stages.size(), micro_batches_, chunks)))
        return false;
    return true;
  }

  /// The least time in which `replicas` replicas beside those that have the groups `in_use` do the
  /// micro-batches.
  Seconds rest(std::uint32_t replicas, const std::vector<Groups>& in_use,
               std::uint32_t micro_batches) {
    if (replicas == 0) return micro_batches == 0 ? Seconds{} : Seconds{1e30};
    const auto key = std::pair{in_use, std::pair{replicas, micro_batches}};
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    Seconds best{1e30};
    for (const auto& [used, ends] : ends_)
      for (std::size_t site = 0; site < there_.size(); ++site) {
        std::vector<Groups> then = in_use;
        for (std::size_t i = 0; i < used.size(); ++i) then[site][i] += used[i];
        if (!fits(there_[site], then[site])) continue;
        for (std::uint32_t m = 1; m <= micro_batches; ++m)
          if (ends[m] < best)
            best = std::min(best, std::max(ends[m], rest(replicas - 1, then, micro_batches - m)));
      }
    return known_[key] = best;
  }

  Seconds best_{1e30};
  std::vector<Times> alone_;                     ///< by site, with any number of replicas
  Devices there_;                                ///< at the sites that are looked at
  std::map<Groups, std::vector<Seconds>> ends_;  ///< by what is in use, and micro-batches
  std::map<std::pair<std::vector<Groups>, std::pair<std::uint32_t, std::uint32_t>>, Seconds> known_;
};

}  // namespace axs::plan
