#include "axs/plan/replan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "axs/plan/plan_devices.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

/// Steps that differ by less are the same.
constexpr double rounding = 1e-9;

Result<> check_running(const TrainingPlan& running, const Job& job, const Fleet& fleet) {
  const auto wrong = [](const std::string& seen, const std::string& want) {
    return Error{Errc::invalid, "running plan: " + seen + ", want " + want};
  };
  if (running.groups.empty()) return wrong("no replicas", "at least one");
  const std::uint32_t micro = running.method.micro_batch;
  if (micro < 1 || job.global_batch % micro != 0)
    return wrong("micro-batches of " + std::to_string(micro),
                 "a divisor of the batch of " + std::to_string(job.global_batch));
  if (spans_sites(running))
    return wrong("a pipeline across sites",
                 "replicas that are each at one: others cannot be moved yet");
  AXS_TRY(check_places(running, fleet.sites.size(), fleet.types.size()));
  for (const ReplicaGroup& group : running.groups) {
    std::uint64_t layers = 0;
    for (const PlannedStage& stage : group.stages) layers += stage.layers;
    if (layers != job.shape.layers)
      return wrong("a replica at " + fleet.sites[group.site].name + " has " +
                       std::to_string(layers) + " layers",
                   "the " + std::to_string(job.shape.layers) + " of the model");
  }
  return Ok{};
}

bool have_same_stages(const ReplicaGroup& a, const ReplicaGroup& b) {
  return a.site == b.site && a.virtual_stages == b.virtual_stages &&
         std::ranges::equal(a.stages, b.stages, [](const PlannedStage& x, const PlannedStage& y) {
           return x.layers == y.layers && have_same_devices(x, y);
         });
}

/// Whatever micro-batches they have: those of the first.
std::vector<ReplicaGroup> pipelines_of(const TrainingPlan& plan) {
  std::vector<ReplicaGroup> pipelines;
  for (const ReplicaGroup& group : plan.groups) {
    const auto same = std::ranges::find_if(
        pipelines, [&](const ReplicaGroup& other) { return have_same_stages(group, other); });
    if (same == pipelines.end())
      pipelines.push_back(group);
    else
      same->replicas += group.replicas;
  }
  return pipelines;
}

/// Of a type, in one replica.
double devices_of(const ReplicaGroup& group, std::uint32_t type, std::uint32_t context) {
  double devices = 0;
  for (const PlannedStage& stage : group.stages)
    for (const StagePart& part : parts_of(stage, context))
      if (part.type == type) devices += double{1} * stage.tensor * part.groups;
  return devices;
}

double used(const std::vector<ReplicaGroup>& groups, std::uint32_t site, std::uint32_t type,
            std::uint32_t context) {
  double devices = 0;
  for (const ReplicaGroup& group : groups)
    if (group.site == site) devices += group.replicas * devices_of(group, type, context);
  return devices;
}

/// Whether the groups that a type has at a site have places there.
bool have_room(const std::vector<ReplicaGroup>& groups, std::uint32_t site, std::uint32_t type,
               std::uint32_t context, const NodeWidths& widths, std::uint32_t there) {
  PoolRoom room{widths, there, 1};
  for (const ReplicaGroup& group : groups)
    for (const PlannedStage& stage : group.stages)
      for (const StagePart& part : parts_of(stage, context)) {
        if (group.site != site || part.type != type || group.replicas == 0) continue;
        TypeUse use{type};
        use.add(widths, stage.tensor, std::uint64_t{group.replicas} * part.groups);
        if (!room.take(use, 1)) return false;
      }
  return true;
}

/// Without as many replicas as there are too few devices of the type for: those that do least with
/// them go.
void leave_out(std::vector<ReplicaGroup>& groups, std::uint32_t site, std::uint32_t type,
               std::uint32_t context, const NodeWidths& widths, std::uint32_t there) {
  while (!have_room(groups, site, type, context, widths, there)) {
    const double lacks = used(groups, site, type, context) - there;
    ReplicaGroup* least = nullptr;
    double least_done = 0;
    for (ReplicaGroup& group : groups) {
      const double devices = devices_of(group, type, context);
      if (group.site != site || group.replicas == 0 || devices == 0) continue;
      const double done = group.micro_batches / devices;
      if (least != nullptr && done >= least_done) continue;
      least = &group;
      least_done = done;
    }
    AXS_ASSERT(least != nullptr);
    const double too_many = std::max(std::ceil(lacks / devices_of(*least, type, context)), 1.0);
    least->replicas -= static_cast<std::uint32_t>(std::min<double>(too_many, least->replicas));
  }
}

bool has_any(const std::vector<bool>& sites) {
  return std::ranges::find(sites, true) != sites.end();
}

void keep_earlier(std::optional<ReplanOption>& best, ReplanOption other) {
  if (!best || other.end() < best->end()) best = std::move(other);
}

}  // namespace

Result<Replanning> Replanning::of(Job left, ChangedFleet now, Calibration calibration,
                                  const TrainingPlan& running) {
  Search search = AXS_TRY(Search::of(std::move(left), now.fleet, calibration));
  AXS_TRY(check_running(running, search.job(), now.fleet));
  return Replanning{std::move(search), std::move(now), std::move(calibration), running};
}

Replanning::Replanning(Search search, ChangedFleet now, Calibration calibration,
                       const TrainingPlan& running)
    : search_{std::move(search)},
      now_{std::move(now)},
      calibration_{std::move(calibration)},
      held_{running.method, pipelines_of(running), {}} {
  for (std::uint32_t site = 0; site < now_.fleet.sites.size(); ++site)
    held_.sites.push_back({sharing_at(running, site), now_.lost[site]});
  look_at_running(running.outer.has_value());
}

NodeWidths Replanning::widths_of(std::uint32_t type) const {
  return node_widths(now_.fleet.types[type].accelerator.per_node);
}

/// Devices that are gone were those of the replicas that leave, as far as these have any.
std::vector<bool> Replanning::lose_devices(const std::vector<ReplicaGroup>& before) {
  const std::uint32_t context = held_.method.context;
  std::vector<bool> touched(held_.sites.size());
  for (std::uint32_t site = 0; site < held_.sites.size(); ++site) {
    std::vector<std::uint32_t>& lost = held_.sites[site].lost;
    for (std::uint32_t type = 0; type < lost.size(); ++type) {
      const double were = used(before, site, type, context);
      const std::uint32_t there = search_.devices()[site][type];
      leave_out(held_.pipelines, site, type, context, widths_of(type), there);
      touched[site] = touched[site] || (were > 0 && (lost[type] > 0 || were > there));
    }
    for (std::uint32_t type = 0; type < lost.size(); ++type) {
      const double left =
          used(before, site, type, context) - used(held_.pipelines, site, type, context);
      lost[type] -= static_cast<std::uint32_t>(std::min<double>(lost[type], left));
    }
  }
  std::erase_if(held_.pipelines, [](const ReplicaGroup& group) { return group.replicas == 0; });
  return touched;
}

/// Devices that are gone were those of as few replicas as may be; one that has lost none is a copy
/// of all, unless replicas share what there is: those of a site where sites step apart, else all.
void Replanning::lose_state(const std::vector<ReplicaGroup>& before,
                            const std::vector<bool>& touched, bool apart) {
  const bool shared = held_.method.sharding != Sharding::none;
  std::vector<ReplicaGroup> whole = before;
  for (std::uint32_t site = 0; site < held_.sites.size(); ++site)
    for (std::uint32_t type = 0; type < now_.fleet.types.size(); ++type) {
      const double were = used(before, site, type, held_.method.context);
      const double left = std::max<double>(0, were - now_.lost[site][type]);
      const double there = std::min<double>(left, search_.devices()[site][type]);
      leave_out(whole, site, type, held_.method.context, widths_of(type),
                static_cast<std::uint32_t>(there));
    }
  for (std::uint32_t site = 0; site < held_.sites.size(); ++site) {
    if (shared)
      held_.sites[site].lacks_state = apart ? touched[site] : has_any(touched);
    else
      held_.sites[site].lacks_state = touched[site] && replicas_at(whole, site) == 0;
  }
}

void Replanning::look_at_running(bool apart) {
  const std::vector<ReplicaGroup> before = held_.pipelines;
  const std::vector<bool> touched = lose_devices(before);
  lose_state(before, touched, apart);
  const bool all = replicas_of(held_.pipelines) == replicas_of(before);
  look_at(held_.pipelines, all ? Course::keep : Course::shrink, has_any(touched));
  const std::vector<std::uint32_t> sites = sites_of(held_.pipelines);
  for (const std::uint32_t site : sites) {
    std::vector<ReplicaGroup> here, elsewhere;
    for (const ReplicaGroup& group : held_.pipelines)
      (group.site == site ? here : elsewhere).push_back(group);
    if (elsewhere.empty()) break;
    look_at(elsewhere, Course::shrink, true);
    look_at(here, Course::shrink, true);
  }
}

void Replanning::look_at(const std::vector<ReplicaGroup>& pipelines, Course course, bool pauses) {
  auto plan = search_.shared_anew(held_.method, pipelines);
  if (!plan) return;
  ReplanOption option{course, *std::move(plan), {}};
  if (pauses) option.move = move_of(option.plan, replicas_leave);
  keep_earlier(course == Course::keep ? keep_ : shrink_, std::move(option));
}

PlanMove Replanning::move_of(const TrainingPlan& plan, Seconds leave) const {
  return move_to(plan, held_, search_.job(), now_.fleet, calibration_, leave);
}

const ReplanOption* Replanning::kept() const {
  if (keep_ && shrink_) return shrink_->end() < keep_->end() ? &*shrink_ : &*keep_;
  return keep_ ? &*keep_ : shrink_ ? &*shrink_ : nullptr;
}

void Replanning::take(Candidate found) {
  const PlanMove move = move_of(found.plan, whole_restart);
  const std::size_t unit = found.unit;
  const Found other{unit, {Course::move, std::move(found.plan), move}};
  const auto is_before = [&](Seconds mine, const std::optional<Found>& best, Seconds its) {
    return !best || mine < its || (mine == its && unit < best->unit);
  };
  if (is_before(other.option.end(), first_, first_ ? first_->option.end() : Seconds{}))
    first_ = other;
  const Seconds step = other.option.plan.step.total;
  if (is_before(step, fastest_, fastest_ ? fastest_->option.plan.step.total : Seconds{}))
    fastest_ = other;
}

Seconds Replanning::at_most() const {
  Seconds end = no_limit, step = no_limit;
  const auto look_at = [&](const ReplanOption& option) {
    end = std::min(end, option.end());
    step = std::min(step, option.plan.step.total);
  };
  if (const ReplanOption* option = kept()) look_at(*option);
  if (first_) look_at(first_->option);
  if (fastest_) look_at(fastest_->option);
  return std::max(step, (end - whole_restart) / steps(search_.job()));
}

std::string Replanning::unmet(Seconds end, double searched) const {
  const auto& deadline = search_.job().deadline;
  if (!deadline || end <= *deadline) return {};
  constexpr double day = 86400;
  return "deadline: " + rounded(deadline->value() / day) + " days from now, the job ends " +
         rounded(end.value() / day) + " days from now " +
         (searched < 1 ? "with the best found so far" : "at best");
}

Result<ReplanResult> Replanning::result(double searched) const {
  ReplanResult result;
  if (keep_) result.options.push_back(*keep_);
  if (shrink_) result.options.push_back(*shrink_);
  const ReplanOption* running = kept();
  const bool is_first = first_ && (running == nullptr || first_->option.end() < running->end());
  if (is_first) result.options.push_back(first_->option);
  const ReplanOption* ends_first = is_first ? &first_->option : running;
  if (ends_first == nullptr) {
    if (searched == 1) return search_.fits_nowhere();
    return Error{Errc::timeout, "plan: none was found before the search was stopped"};
  }
  if (fastest_ && fastest_->option.plan.step.total < (1 - rounding) * ends_first->plan.step.total)
    result.options.push_back(fastest_->option);
  std::ranges::sort(result.options, [](const ReplanOption& a, const ReplanOption& b) {
    return a.end() != b.end() ? a.end() < b.end() : a.course < b.course;
  });
  result.unmet = unmet(result.options.front().end(), searched);
  return result;
}

Result<> check_runs(const TrainingPlan& plan, const Job& job, const Fleet& fleet,
                    const Calibration& calibration) {
  const Search search = AXS_TRY(Search::of(job, fleet, calibration));
  AXS_TRY(check_running(plan, job, fleet));
  if (search.shared_anew(plan.method, pipelines_of(plan))) return Ok{};
  return Error{Errc::invalid,
               "running plan: its replicas do not fit on the job's fleet as it was, or their sites "
               "do not exchange, want a plan that ran there"};
}

Result<ReplanResult> replan(const Job& left, const ChangedFleet& now,
                            const Calibration& calibration, const TrainingPlan& running) {
  Replanning replanning = AXS_TRY(Replanning::of(left, now, calibration, running));
  const Search& search = replanning.search();
  for (std::size_t unit = 0; unit < search.units(); ++unit)
    if (auto found = search.run(unit, replanning.at_most())) replanning.take(*std::move(found));
  return replanning.result(1);
}

}  // namespace axs::plan
