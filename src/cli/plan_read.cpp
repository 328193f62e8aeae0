#include "axs/cli/plan_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ranges>

#include "axs/cli/plan_text.h"
#include "axs/config/scenario.h"
#include "axs/config/text_file.h"
#include "axs/core/enums.h"
#include "axs/plan/interleaving.h"

namespace axs::cli {
namespace {

using config::PlannedJob;
using nlohmann::json;

constexpr std::uint64_t size_max = std::uint64_t{16} << 20;
/// Of whatever a plan counts.
constexpr std::uint32_t count_max = std::numeric_limits<std::uint32_t>::max();

/// Devices of a tensor group, of which no node has more, and parts of a sequence: no sum of devices
/// comes to 2^64 then.
constexpr std::uint32_t group_max = 1U << 16;

/// Reads a document and keeps the first error; what is read after one is of no meaning.
class PlanReader {
 public:
  PlanReader(std::string file, const PlannedJob& job) : file_{std::move(file)}, job_{job} {}

  Result<plan::TrainingPlan> read(const json& document);

 private:
  /// An object, and where it is.
  struct Place {
    const json& object;
    std::string path;

    std::string of(std::string_view key) const {
      return path.empty() ? std::string{key} : fmt::format("{}.{}", path, key);
    }
  };

  void fail(const std::string& where, const std::string& problem);
  void refuse(const std::string& where, const json& seen, const std::string& wanted);
  /// Null, and an error, if it is not there.
  const json& at(const Place& place, std::string_view key);
  void only(const Place& place, std::initializer_list<std::string_view> keys);
  /// One of several things that are alike.
  Place object(const json& value, std::string path);
  const json& list(const Place& place, std::string_view key);

  std::uint32_t count(const Place& place, std::string_view key, std::uint32_t least,
                      std::uint32_t most = count_max);
  double number(const Place& place, std::string_view key, double least);
  std::optional<double> known_number(const Place& place, std::string_view key);
  bool flag(const Place& place, std::string_view key);
  std::string text(const Place& place, std::string_view key);
  template <class E>
  E choice(const Place& place, std::string_view key);
  template <class T, class Name>
  std::uint32_t index(const Place& place, std::string_view key, const std::vector<T>& all,
                      Name name_of);
  /// What the plan repeats of the job.
  void same(const Place& place, std::string_view key, const json& wanted);

  void head(const Place& place);
  void method(const Place& place);
  void step(const Place& place);
  void cost(const Place& place);
  void outer(const Place& place);
  void rest(const Place& place);
  void groups(const Place& place);
  plan::ReplicaGroup group(const Place& place);
  plan::PlannedStage stage(const Place& place);
  std::uint32_t type(const Place& place);
  void parts(const Place& place, plan::PlannedStage& stage);
  void crossings(const Place& place, plan::ReplicaGroup& group);
  void chunks(const Place& place, plan::ReplicaGroup& group);
  void idle(const Place& place);
  void whole();
  void sums_up(const std::string& what, Seconds seen, Seconds wanted, const std::string& of);

  std::string file_;
  const PlannedJob& job_;
  plan::TrainingPlan plan_;
  std::optional<Error> error_{};
};

/// Short enough for a sentence.
std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  constexpr std::size_t most = 40;
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

void PlanReader::fail(const std::string& where, const std::string& problem) {
  if (error_) return;
  error_ = Error{Errc::invalid,
                 fmt::format("{}: {}{}{}", file_, where, where.empty() ? "" : ": ", problem)};
}

void PlanReader::refuse(const std::string& where, const json& seen, const std::string& wanted) {
  fail(where, shown(seen) + ", want " + wanted);
}

const json& PlanReader::at(const Place& place, std::string_view key) {
  static const json nothing;
  const auto found = place.object.find(key);
  if (found != place.object.end()) return *found;
  fail(place.of(key), "is missing, want it as axs plan --json prints it");
  return nothing;
}

void PlanReader::only(const Place& place, std::initializer_list<std::string_view> keys) {
  for (const auto& [key, value] : place.object.items())
    if (std::ranges::find(keys, key) == keys.end())
      fail(place.path, fmt::format("a key {}, want those that axs plan --json prints", shown(key)));
}

PlanReader::Place PlanReader::object(const json& value, std::string path) {
  static const json empty = json::object();
  if (value.is_object()) return {value, std::move(path)};
  refuse(path, value, "an object");
  return {empty, std::move(path)};
}

const json& PlanReader::list(const Place& place, std::string_view key) {
  static const json empty = json::array();
  const json& value = at(place, key);
  if (value.is_array() && !value.empty()) return value;
  refuse(place.of(key), value, "a list that is not empty");
  return empty;
}

std::uint32_t PlanReader::count(const Place& place, std::string_view key, std::uint32_t least,
                                std::uint32_t most) {
  const json& value = at(place, key);
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number >= least && number <= most) return static_cast<std::uint32_t>(number);
  }
  refuse(place.of(key), value, fmt::format("a whole number from {} to {}", least, most));
  return least;
}

double PlanReader::number(const Place& place, std::string_view key, double least) {
  const json& value = at(place, key);
  // The text of JSON has no infinity: the parser has refused what is too large.
  if (value.is_number() && value.get<double>() >= least) return value.get<double>();
  refuse(place.of(key), value, fmt::format("a number from {}", least));
  return least;
}

std::optional<double> PlanReader::known_number(const Place& place, std::string_view key) {
  if (at(place, key).is_null()) return std::nullopt;
  return number(place, key, 0);
}

bool PlanReader::flag(const Place& place, std::string_view key) {
  const json& value = at(place, key);
  if (!value.is_boolean()) refuse(place.of(key), value, "true or false");
  return value.is_boolean() && value.get<bool>();
}

std::string PlanReader::text(const Place& place, std::string_view key) {
  const json& value = at(place, key);
  if (!value.is_string()) refuse(place.of(key), value, "a text");
  return value.is_string() ? value.get<std::string>() : "";
}

template <class E>
E PlanReader::choice(const Place& place, std::string_view key) {
  const std::string seen = text(place, key);
  std::string names;
  for (std::size_t i = 0; i < enum_count<E>; ++i) {
    const std::string_view name = enum_name(static_cast<E>(i));
    if (name == seen) return static_cast<E>(i);
    names += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", name);
  }
  refuse(place.of(key), seen, "one of " + names);
  return {};
}

template <class T, class Name>
std::uint32_t PlanReader::index(const Place& place, std::string_view key, const std::vector<T>& all,
                                Name name_of) {
  const std::string seen = text(place, key);
  const auto found = std::ranges::find(all, seen, name_of);
  if (found != all.end()) return static_cast<std::uint32_t>(found - all.begin());
  const auto names = std::views::transform(all, name_of);
  refuse(place.of(key), seen, fmt::format("one of the job's: {}", fmt::join(names, ", ")));
  return 0;
}

void PlanReader::same(const Place& place, std::string_view key, const json& wanted) {
  const json& value = at(place, key);
  if (value != wanted) refuse(place.of(key), value, shown(wanted) + " as in the job");
}

void PlanReader::head(const Place& place) {
  only(place,
       {"version",      "job",         "precision",  "tokens",        "global_batch", "sequence",
        "micro_batch",  "recompute",   "sharding",   "whole_experts", "context",      "step_s",
        "low_s",        "high_s",      "spread",     "replicas_s",    "sites_s",      "fixed_s",
        "tokens_per_s", "utilisation", "duration_s", "cost",          "searched",     "groups",
        "idle",         "outer",       "others",     "unmet",         "explain",      "network",
        "splits"});
  if (const json& version = at(place, "version"); version != plan_json_version)
    refuse("version", version, std::to_string(plan_json_version));
  same(place, "job", job_.scenario.name);
  same(place, "precision", enum_name(job_.job.precision));
  same(place, "tokens", job_.job.tokens);
  same(place, "global_batch", job_.job.global_batch);
  same(place, "sequence", job_.job.sequence);
}

void PlanReader::method(const Place& place) {
  plan_.method = {.micro_batch = count(place, "micro_batch", 1),
                  .recompute = choice<plan::Recompute>(place, "recompute"),
                  .sharding = choice<plan::Sharding>(place, "sharding"),
                  .whole_experts = flag(place, "whole_experts"),
                  .context = count(place, "context", 1, group_max)};
}

void PlanReader::step(const Place& place) {
  plan_.step = {.replicas = Seconds{number(place, "replicas_s", 0)},
                .sites = Seconds{number(place, "sites_s", 0)},
                .fixed = Seconds{number(place, "fixed_s", 0)},
                .total = Seconds{number(place, "step_s", 0)},
                .spread = number(place, "spread", 1)};
  plan_.tokens_per_second = number(place, "tokens_per_s", 0);
  plan_.duration = Seconds{number(place, "duration_s", 0)};
  if (plan_.step.total <= Seconds{}) fail("step_s", "0, want more");
}

/// What follows from the rest, or is there for people.
void PlanReader::rest(const Place& place) {
  for (const char* key : {"low_s", "high_s", "utilisation", "searched"}) number(place, key, 0);
  if (const json& others = at(place, "others"); !others.is_array())
    refuse("others", others, "a list");
  if (place.object.contains("unmet")) text(place, "unmet");
  if (place.object.contains("splits")) list(place, "splits");
  for (const char* key : {"explain", "network"})
    if (place.object.contains(key)) object(at(place, key), key);
}

void PlanReader::cost(const Place& place) {
  only(place,
       {"money_dollars", "money_spread", "energy_j", "energy_spread", "carbon_kg", "power_w"});
  plan::PlanCost& cost = plan_.cost;
  if (const auto money = known_number(place, "money_dollars")) cost.money = Dollars{*money};
  cost.money_spread = number(place, "money_spread", 1);
  cost.energy = Joules{number(place, "energy_j", 0)};
  cost.energy_spread = number(place, "energy_spread", 1);
  cost.carbon = known_number(place, "carbon_kg");
  cost.power = Watts{number(place, "power_w", 0)};
}

void PlanReader::outer(const Place& place) {
  only(place, {"period", "fragments", "overlap", "bits", "during_backward", "loss_gap"});
  plan::OuterSync& outer = plan_.outer.emplace();
  outer.period = count(place, "period", 1, config::period_max);
  outer.fragments = count(place, "fragments", 1, std::min(outer.period, config::fragments_max));
  outer.overlap = count(place, "overlap", 0, outer.period);
  outer.bits = number(place, "bits", 0);
  if (outer.bits <= 0) fail(place.of("bits"), "0, want more");
  outer.during_backward = flag(place, "during_backward");
  // Some that exchanged less often ended below.
  plan_.loss_gap = number(place, "loss_gap", -1);
}

plan::PlannedStage PlanReader::stage(const Place& place) {
  only(place, {"accelerator", "tensor", "layers", "memory_gib", "heads", "parts"});
  const std::uint32_t tensor = count(place, "tensor", 1, group_max);
  const auto heads = place.object.find("heads");
  if (heads != place.object.end() && *heads != json(plan::heads_of_devices(job_.job.shape, tensor)))
    refuse(place.of("heads"), *heads, "those of the devices of such a group, or none");
  plan::PlannedStage stage{.type = type(place),
                           .tensor = tensor,
                           .layers = count(place, "layers", 1, job_.job.shape.layers),
                           .memory = Bytes{gibibyte * number(place, "memory_gib", 0)}};
  if (place.object.contains("parts")) parts(place, stage);
  return stage;
}

std::uint32_t PlanReader::type(const Place& place) {
  return index(place, "accelerator", job_.fleet.types,
               [](const plan::DeviceType& type) { return type.accelerator.name; });
}

/// As many groups and tokens as the method and the job have.
void PlanReader::parts(const Place& place, plan::PlannedStage& stage) {
  const json& all = list(place, "parts");
  std::uint64_t groups = 0, tokens = 0;
  for (std::size_t i = 0; i < all.size() && !error_; ++i) {
    const Place part = object(all[i], fmt::format("{}[{}]", place.of("parts"), i));
    only(part, {"accelerator", "groups", "tokens", "memory_gib"});
    stage.parts.push_back({.type = type(part),
                           .groups = count(part, "groups", 1, plan_.method.context),
                           .tokens = count(part, "tokens", 1, job_.job.sequence),
                           .memory = Bytes{gibibyte * number(part, "memory_gib", 0)}});
    groups += stage.parts.back().groups;
    tokens += std::uint64_t{stage.parts.back().groups} * stage.parts.back().tokens;
  }
  if (error_) return;
  if (all.size() != 2 || stage.parts[0].type == stage.parts[1].type)
    fail(place.of("parts"), "want two, of different accelerators");
  if (groups != plan_.method.context)
    fail(place.of("parts"),
         fmt::format("{} groups, want the {} parts of a sequence", groups, plan_.method.context));
  if (tokens != job_.job.sequence)
    fail(place.of("parts"),
         fmt::format("{} tokens, want the {} of a sequence", tokens, job_.job.sequence));
  if (stage.parts.front().type != stage.type)
    fail(place.of("accelerator"), "is not the first of its parts");
}

plan::ReplicaGroup PlanReader::group(const Place& place) {
  only(place, {"site", "replicas", "micro_batches", "virtual_stages", "stages", "crossings"});
  plan::ReplicaGroup group;
  group.site = index(place, "site", job_.fleet.sites, &plan::FleetSite::name);
  group.replicas = count(place, "replicas", 1);
  group.micro_batches = count(place, "micro_batches", 1);
  const json& stages = list(place, "stages");
  std::uint64_t layers = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    group.stages.push_back(stage(object(stages[i], fmt::format("{}[{}]", place.of("stages"), i))));
    layers += group.stages.back().layers;
  }
  if (layers != job_.job.shape.layers)
    fail(place.of("stages"),
         fmt::format("{} layers, want the {} of the model", layers, job_.job.shape.layers));
  if (!error_) crossings(place, group);
  if (!error_) chunks(place, group);
  return group;
}

/// Of stages that are alike, at one site.
void PlanReader::chunks(const Place& place, plan::ReplicaGroup& group) {
  const std::uint32_t layers = job_.job.shape.layers;
  group.virtual_stages = count(place, "virtual_stages", 1, layers);
  if (group.virtual_stages == 1) return;
  const auto stages = static_cast<std::uint32_t>(group.stages.size());
  const plan::PlannedStage& first = group.stages.front();
  bool fit = stages > 1 && group.crossings.empty() && first.parts.empty() &&
             plan::has_chunks(layers, stages * group.virtual_stages);
  for (std::uint32_t i = 0; fit && i < stages; ++i) {
    const plan::PlannedStage& stage = group.stages[i];
    fit = have_same_devices(stage, first) &&
          stage.layers == plan::layers_in_chunks(layers, stages, group.virtual_stages, i);
  }
  if (!fit)
    fail(
        place.of("virtual_stages"),
        fmt::format("{}, want 1, or chunks into which stages that are alike at one site can be cut",
                    group.virtual_stages));
}

/// Each later than the one before, at a site where the pipeline has not been.
void PlanReader::crossings(const Place& place, plan::ReplicaGroup& group) {
  const json& all = at(place, "crossings");
  if (!all.is_array()) return refuse(place.of("crossings"), all, "a list");
  std::uint32_t least = 1;
  std::vector<std::uint32_t> seen{group.site};
  const auto last = static_cast<std::uint32_t>(group.stages.size() - 1);
  for (std::size_t i = 0; i < all.size() && !error_; ++i) {
    if (least > last) return fail(place.of("crossings"), "no stage is left, want fewer");
    const Place crossing = object(all[i], fmt::format("{}[{}]", place.of("crossings"), i));
    only(crossing, {"stage", "site"});
    group.crossings.push_back({count(crossing, "stage", least, last),
                               index(crossing, "site", job_.fleet.sites, &plan::FleetSite::name)});
    const plan::Crossing& added = group.crossings.back();
    if (std::ranges::find(seen, added.site) != seen.end())
      fail(crossing.of("site"), "the pipeline is there already, want another");
    seen.push_back(added.site);
    least = added.stage + 1;
  }
}

void PlanReader::groups(const Place& place) {
  const json& all = list(place, "groups");
  for (std::size_t i = 0; i < all.size() && !error_; ++i)
    plan_.groups.push_back(group(object(all[i], fmt::format("groups[{}]", i))));
}

void PlanReader::idle(const Place& place) {
  for (const auto& [name, devices] : place.object.items())
    if (std::ranges::none_of(job_.fleet.types, [&](const plan::DeviceType& type) {
          return type.accelerator.name == name;
        }))
      fail("idle", shown(name) + ", want accelerators of the job");
  for (const plan::DeviceType& type : job_.fleet.types)
    plan_.idle.push_back(count(place, type.accelerator.name, 0));
}

/// What only all parts together can be wrong about.
void PlanReader::whole() {
  // Each product is below 2^64; doubles keep sums from wrapping.
  double sequences = 0;
  for (const plan::ReplicaGroup& group : plan_.groups)
    sequences +=
        static_cast<double>(plan_.method.micro_batch) * group.replicas * group.micro_batches;
  if (sequences != job_.job.global_batch)
    fail("groups", fmt::format("{} sequences in a step, want the {} of global_batch", sequences,
                               job_.job.global_batch));
  const plan::PlannedTime& step = plan_.step;
  sums_up("step_s", step.total, step.replicas + step.sites + step.fixed,
          "replicas_s, sites_s and fixed_s together");
  sums_up("duration_s", plan_.duration, plan::steps(job_.job) * step.total, "all steps together");
}

void PlanReader::sums_up(const std::string& what, Seconds seen, Seconds wanted,
                         const std::string& of) {
  constexpr double close = 1e-6;
  if (!(std::abs((seen - wanted).value()) <= close * wanted.value()))
    fail(what, fmt::format("{} s, want the {} s of {}", seen.value(), wanted.value(), of));
}

Result<plan::TrainingPlan> PlanReader::read(const json& document) {
  const Place place = object(document, "");
  if (!error_) head(place);
  if (!error_) method(place);
  if (!error_) step(place);
  if (!error_) cost(object(at(place, "cost"), "cost"));
  if (!error_ && place.object.contains("outer")) outer(object(at(place, "outer"), "outer"));
  if (!error_) rest(place);
  if (!error_) groups(place);
  if (!error_) idle(object(at(place, "idle"), "idle"));
  if (!error_) whole();
  if (error_) return *error_;
  return std::move(plan_);
}

}  // namespace

Result<plan::TrainingPlan> parse_plan(std::string_view text, const std::string& file,
                                      const PlannedJob& job) {
  const json document = json::parse(text, nullptr, false);
  if (document.is_discarded())
    return Error{Errc::invalid, file + ": is not JSON, want what axs plan --json prints"};
  return PlanReader{file, job}.read(document);
}

Result<std::string> read_plan_text(const std::string& file) {
  return config::read_text_file(file, "plan", size_max);
}

Result<plan::TrainingPlan> read_plan(const std::string& file, const PlannedJob& job) {
  return parse_plan(AXS_TRY(read_plan_text(file)), file, job);
}

}  // namespace axs::cli
