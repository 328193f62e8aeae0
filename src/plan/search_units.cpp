// What a search looks at, in which order, and why nothing of it may fit.
#include <algorithm>
#include <set>
#include <tuple>

#include "axs/plan/rounded.h"
#include "axs/plan/rounding.h"
#include "axs/plan/search.h"
#include "axs/plan/spanning_pipelines.h"

namespace axs::plan {

namespace {

constexpr std::uint32_t micro_batch_max = 64;
/// Up to this any replicas go together. More come in bundles, no more of them than this, and in
/// every number where those of a pool are alike.
constexpr std::uint32_t bundles_max = 64;
/// Replicas up to which pipelines of several types are worth building: with more, what is left
/// over of each type is small.
constexpr std::uint32_t mixed_replicas_max = 8;

/// Sequences that are shorter are not worth the ring around which keys and values go.
constexpr std::uint32_t long_sequence = 16384;

std::uint32_t context_max(const Job& job) {
  return job.sequence >= long_sequence ? 8 : 1;
}

/// Not all software does all. FlashAttention keeps no scores that selective recomputation could
/// leave out; a distributed optimiser needs 6 + 12 / n bytes of a parameter and exchanges no more;
/// and only mixtures have experts.
bool is_worth_nothing(const Method& method, const Job& job) {
  const Software& software = job.software;
  if (software.replicas_only && (method.recompute != Recompute::none || method.context > 1 ||
                                 method.whole_experts || is_of_one_stage(method)))
    return true;
  if (method.whole_experts && !job.shape.is_mixture()) return true;
  if (method.recompute == Recompute::selective && is_flash(software.attention) &&
      software.selective == Selective::attention)
    return true;
  return method.sharding == Sharding::none && software.state_bytes >= 18;
}

/// "US, DE"
template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

Result<> check_devices(const Job& job, const Fleet& fleet) {
  std::set<std::string> there;
  for (const FleetSite& site : fleet.sites) {
    if (!site.has_devices()) continue;
    if (job.may_run_in(site.jurisdiction)) return Ok{};
    there.insert(site.jurisdiction.empty() ? site.name + ", which states none" : site.jurisdiction);
  }
  if (there.empty())
    return Error{Errc::exhausted, "no accelerators at any of its sites, want some"};
  return Error{Errc::exhausted,
               "no accelerators in " + listed(job.jurisdictions) +
                   ", where plan.jurisdictions let the job run; there are some in " +
                   listed(there)};
}

/// Methods share them: they depend on the job and on pairs of types alone.
void Search::list_splits() {
  if (job_.software.replicas_only) return;
  const SequenceSplitter splitter{job_, fleet_.types, calibration_};
  const auto share_a_site = [&](std::uint32_t a, std::uint32_t b) {
    return std::ranges::any_of(devices_,
                               [&](const SiteDevices& site) { return site[a] > 0 && site[b] > 0; });
  };
  const auto types = static_cast<std::uint32_t>(fleet_.types.size());
  for (std::uint32_t context = 2; context <= context_max(job_); context *= 2)
    for (std::uint32_t first = 0; first < types; ++first)
      for (std::uint32_t second = first + 1; second < types; ++second) {
        if (!share_a_site(first, second)) continue;
        const auto some = splitter.all(first, second, context);
        splits_.insert(splits_.end(), some.begin(), some.end());
      }
}

void Search::list_methods() {
  for (std::uint32_t micro = 1; micro <= micro_batch_max && job_.global_batch % micro == 0;
       micro *= 2)
    for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
      for (const Sharding sharding :
           {Sharding::none, Sharding::optimizer, Sharding::gradients, Sharding::parameters})
        for (const bool whole_experts : {false, true})
          for (std::uint32_t context = 1; context <= context_max(job_); context *= 2) {
            const Method method{micro, recompute, sharding, whole_experts, context};
            if (!is_worth_nothing(method, job_)) methods_.push_back(bounded(method));
          }
}

/// The most promising methods first, so that a search that is stopped has looked at them; mixed
/// pipelines and those across sites, which take longest to look at, last.
void Search::list_units() {
  std::uint64_t devices = 0;
  for (const std::uint32_t n : all_devices_) devices += n;
  std::ranges::sort(methods_, [](const BoundedMethod& a, const BoundedMethod& b) {
    const auto key = [](const BoundedMethod& m) {
      const Method& how = m.method;
      return std::tuple{m.bound,      how.micro_batch,   how.recompute,
                        how.sharding, how.whole_experts, how.context};
    };
    return key(a) < key(b);
  });
  const bool spans = has_ways();
  const bool apart = std::ranges::any_of(groups_, &SiteGroup::step_apart);
  for (std::uint32_t method = 0; method < methods_.size(); ++method) {
    const auto most = std::min<std::uint64_t>(
        devices, static_cast<std::uint64_t>(micro_batches(methods_[method].method)));
    const auto bundles = [&](std::uint32_t bundle, std::uint32_t wanted) {
      return static_cast<std::uint32_t>(std::min<std::uint64_t>(most / bundle, wanted));
    };
    const auto add = [&](std::uint32_t bundle, ReplicaRange range, Pipelines pipelines) {
      units_.push_back({method, bundle, range, pipelines, false});
    };
    const auto add_apart = [&](std::uint32_t bundle, ReplicaRange range, Pipelines pipelines) {
      if (apart && range.most > 1) units_.push_back({method, bundle, range, pipelines, true});
    };
    add(1, {1, bundles(1, bundles_max)}, Pipelines::pure);
    add_apart(1, {1, bundles(1, ~0u)}, Pipelines::pure);
    for (std::uint32_t bundle = 2; bundles(bundle, bundles_max) > bundles_max / 2; bundle *= 2) {
      const ReplicaRange many{bundles_max / 2 + 1, bundles(bundle, bundles_max)};
      add(bundle, many, Pipelines::pure);
      add_apart(bundle, many, Pipelines::pure);
    }
    for (std::uint32_t least = bundles_max + 1; least <= most; least = 2 * least - 1)
      add(1, {least, bundles(1, 2 * (least - 1))}, Pipelines::pure);
    if (job_.software.replicas_only) continue;
    const bool is_one_stage = is_of_one_stage(methods_[method].method);
    const ReplicaRange few{1, bundles(1, mixed_replicas_max)};
    if (!is_one_stage || !methods_[method].with_splits.splits().empty()) {
      add(1, few, Pipelines::mixed);
      add_apart(1, few, Pipelines::mixed);
    }
    if (spans && !is_one_stage) add(1, {1, bundles(1, spanning_replicas_max)}, Pipelines::spanning);
  }
  std::ranges::sort(units_, [](const Unit& a, const Unit& b) {
    const auto key = [](const Unit& unit) {
      return std::tuple{unit.pipelines, unit.method, unit.apart, unit.bundles.least, unit.bundle};
    };
    return key(a) < key(b);
  });
}

/// Between sites that have devices.
bool Search::has_ways() const {
  const auto has_some = [&](std::uint32_t site) {
    return std::ranges::any_of(devices_[site], [](std::uint32_t n) { return n > 0; });
  };
  return std::ranges::any_of(
      fleet_.links, [&](const SiteLink& link) { return has_some(link.from) && has_some(link.to); });
}

/// Every layer of every micro-batch is computed somewhere, and no device computes faster than in
/// the best width, or than its tokens of the best split.
Search::BoundedMethod Search::bounded(const Method& method) const {
  KindBuilder builder{job_, fleet_.types, method, {}, {}, calibration_, splits_};
  Seconds layer = no_limit;
  const StagePlace place = place_of(0, is_of_one_stage(method) ? 1 : 2);
  std::vector<double> best(fleet_.types.size());  // Layers in a second, of a device.
  for (std::uint32_t type = 0; type < best.size(); ++type)
    for (const StageCost& cost : builder.costs(type)) {
      best[type] = std::max(best[type], 1 / (cost.devices() * cost.time(place).layer.value()));
      if (all_devices_[type] > 0) layer = std::min(layer, cost.time(place).layer);
    }
  for (std::size_t i = 0; i < builder.splits().size(); ++i) {
    const SequenceSplit& split = builder.splits()[i];
    const Seconds all = builder.cost_of_split(i).time(place).layer;
    for (const SplitPart& part : split.parts) {
      const double share = static_cast<double>(part.share.tokens) / job_.sequence;
      best[part.type] = std::max(best[part.type], share / (split.tensor * all.value()));
    }
  }
  double layers_per_second = 0;
  for (std::uint32_t type = 0; type < best.size(); ++type)
    layers_per_second += best[type] * all_devices_[type];
  const double layers = static_cast<double>(micro_batches(method)) * job_.shape.layers;
  const Seconds bound = Seconds{layers / layers_per_second * (1 - rounding)} + builder.fixed();
  const Seconds across =
      spanning_bound(micro_batches(method), job_.shape.layers, layer, spanning_replicas_max);
  KindBuilder plain = builder.without_splits();
  return {method, bound, std::max(bound, across + builder.fixed()), std::move(plain),
          std::move(builder)};
}

/// Every layer on a stage of its own, as far as there are devices, with all that saves memory.
Error Search::fits_nowhere() const {
  const bool is_cut = !job_.software.replicas_only;
  const Method thrifty{1, is_cut ? Recompute::full : Recompute::none, Sharding::optimizer};
  const KindBuilder builder{job_, fleet_.types, thrifty, {}, {}, calibration_};
  Bytes least{1e30};
  std::string of;
  for (std::uint32_t type = 0; type < fleet_.types.size(); ++type) {
    std::uint32_t most = 0;
    for (const SiteDevices& site : devices_) most = std::max(most, site[type]);
    for (const StageCost& cost : builder.costs(type)) {
      const std::uint32_t stages = std::min(is_cut ? job_.shape.layers : 1, most / cost.tensor());
      if (stages == 0 || (!is_cut && cost.tensor() > 1)) continue;
      const Bytes missing = cost.missing(stages, static_cast<double>(job_.global_batch));
      if (missing >= least) continue;
      least = missing;
      of = fleet_.types[type].accelerator.name;
    }
  }
  constexpr double gibibyte = 1073741824;
  const std::string fits_nowhere = "model: fits on no devices of the fleet";
  // Of long pipelines not every number of stages is looked at.
  if (least <= Bytes{}) return {Errc::exhausted, fits_nowhere + " in the pipelines looked at"};
  const std::string cut =
      has_ways() ? "; the best cut at one site lacks " : "; the best cut lacks ";
  return {Errc::exhausted,
          fits_nowhere + cut + rounded(least.value() / gibibyte) + " GiB on each " + of};
}

}  // namespace axs::plan
