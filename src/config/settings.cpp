#include "axs/config/settings.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

#include "axs/core/enums.h"
#include "axs/core/json.h"

namespace axs::config {

namespace {

using namespace catalog;

std::string show(double value) {
  return fmt::format("{}", value);
}
std::string show(std::uint64_t value) {
  return fmt::format("{}", value);
}
std::string show(bool value) {
  return value ? "true" : "false";
}
std::string show(const std::string& text) {
  return to_json(text);
}

std::string show(Duration time) {
  constexpr std::pair<std::int64_t, const char*> units[] = {
      {1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}};
  for (const auto& [ns, name] : units)
    if (time.ns % ns == 0) return fmt::format("\"{} {}\"", time.ns / ns, name);
  return {};
}

std::string show(BytesPerSecond rate) {
  const double bits = rate.value() * 8;
  if (bits >= 1e9) return fmt::format("\"{} Gb/s\"", bits / 1e9);
  return bits >= 1e6 ? fmt::format("\"{} Mb/s\"", bits / 1e6) : fmt::format("\"{} b/s\"", bits);
}

std::string show(Watts power) {
  return fmt::format("\"{} W\"", power.value());
}

std::string show_size(std::uint64_t bytes) {
  constexpr std::pair<std::uint64_t, const char*> units[] = {
      {1'000'000'000, "GB"}, {1'000'000, "MB"}, {1'000, "kB"}};
  for (const auto& [size, name] : units)
    if (bytes % size == 0) return fmt::format("\"{} {}\"", bytes / size, name);
  return fmt::format("\"{} B\"", bytes);
}

/// Words of a scenario file have dashes where C++ has underscores.
template <class Enum>
std::string word(Enum value) {
  std::string text{enum_name(value)};
  std::replace(text.begin(), text.end(), '_', '-');
  return show(text);
}

std::string absolute(const std::string& file) {
  return std::filesystem::absolute(file).lexically_normal().string();
}

class Lister {
 public:
  Lister(const PlanScenario& scenario, const toml::table& file,
         const std::map<std::string, std::string>& flags)
      : scenario_{scenario.scenario}, wishes_{scenario.wishes}, file_{file}, flags_{flags} {}

  std::vector<Setting> list() {
    add("version", std::uint64_t{1});
    add("name", scenario_.name);
    add("seed", scenario_.seed);
    list_model();
    list_train();
    list_plan();
    for (std::size_t i = 0; i < scenario_.sites.size(); ++i) list_site(i);
    if (scenario_.sky) list_sky(*scenario_.sky);
    for (std::size_t i = 0; i < scenario_.links.size(); ++i) list_link(i);
    for (std::size_t i = 0; i < scenario_.faults.size(); ++i) list_fault(i);
    for (std::size_t i = 0; i < scenario_.transfers.size(); ++i) list_transfer(i);
    return std::move(settings_);
  }

 private:
  template <class T>
  void add(const char* key, const T& value) {
    add_text(key, show(value));
  }
  void add_text(const char* key, std::string value) {
    settings_.push_back({table_, key, std::move(value), origin(key)});
  }

  std::string origin(const std::string& key) const {
    const std::string path = table_.empty() ? key : table_ + "." + key;
    if (const auto flag = flags_.find(path); flag != flags_.end()) return flag->second;
    if (const auto seen = toml::at_path(file_, path))
      return fmt::format("line {}", seen.node()->source().begin.line);
    const auto preset = toml::at_path(file_, "model.preset").value<std::string>();
    return table_ == "model" && preset ? "preset " + *preset : "default";
  }

  void list_model() {
    table_ = "model";
    const Model& model = scenario_.model;
    add("layers", std::uint64_t{model.layers});
    add("heads", std::uint64_t{model.heads});
    add("kv-heads", std::uint64_t{model.kv_heads});
    add("width", std::uint64_t{model.width});
    add("hidden", std::uint64_t{model.hidden});
    add("context", std::uint64_t{model.context});
    add("vocabulary", std::uint64_t{model.vocabulary});
    if (model.head_width) add("head-width", std::uint64_t{*model.head_width});
    add("gated", model.gated);
    add("tied", model.tied);
    add("window", std::uint64_t{model.window});
    if (model.experts.count > 0) list_experts(model.experts);
  }

  void list_experts(const catalog::Experts& experts) {
    table_ = "model.experts";
    add("count", std::uint64_t{experts.count});
    add("chosen", std::uint64_t{experts.chosen});
    add("shared", std::uint64_t{experts.shared});
    add("hidden", std::uint64_t{experts.hidden});
    add("dense-layers", std::uint64_t{experts.dense_layers});
  }

  void list_train() {
    table_ = "train";
    const Train& train = scenario_.train;
    add_text("sync", word(train.sync));
    add("tokens", train.tokens);
    add("sequences", std::uint64_t{train.sequences});
    table_ = "train.inner";
    add("rate", train.inner.rate_peak);
    add("final-rate", train.inner.rate_final);
    add("warmup", std::uint64_t{train.inner.warmup_steps});
    add("beta1", train.inner.beta1);
    add("beta2", train.inner.beta2);
    add("weight-decay", train.inner.weight_decay);
    add("clip", train.inner.clip_norm);
    table_ = "train.outer";
    add("period", std::uint64_t{train.outer.period});
    add("fragments", std::uint64_t{train.outer.fragments});
    add("rate", train.outer.rate);
    add("momentum", train.outer.momentum);
    add("inner-scale", train.outer.inner_scale);
    add("inner-beta1", train.outer.inner_beta1);
  }

  void list_plan() {
    table_ = "plan";
    add_text("precision", word(wishes_.precision));
    add_text("objective", word(wishes_.objective));
    if (wishes_.deadline) add("deadline", from_seconds(wishes_.deadline->value()));
    if (wishes_.limits.budget) add("budget", wishes_.limits.budget->value());
    if (wishes_.limits.power) add("power", *wishes_.limits.power);
    if (wishes_.jurisdictions.empty()) return;
    std::string list;
    for (const std::string& where : wishes_.jurisdictions)
      list += (list.empty() ? "" : ", ") + show(where);
    add_text("jurisdictions", "[" + list + "]");
  }

  void list_site(std::size_t index) {
    const std::string own = fmt::format("site[{}]", index);
    const Site& site = scenario_.sites[index];
    table_ = own;
    add("name", site.name);
    add_text("at", fmt::format("[{}, {}]", site.at.latitude_deg, site.at.longitude_deg));
    if (!site.jurisdiction.empty()) add("jurisdiction", site.jurisdiction);
    const SiteTerms& terms = wishes_.sites[index];
    add("pue", terms.pue);
    add_text("energy-price", fmt::format("\"{} $/kWh\"", terms.dollars_per_kwh));
    if (terms.grams_per_kwh) add("carbon", *terms.grams_per_kwh);
    if (terms.power) add("power", *terms.power);
    table_ = own + ".clock";
    add("offset", site.clock.offset);
    add("drift-ppm", site.clock.drift_ppm);
    for (std::size_t i = 0; i < site.accelerators.size(); ++i) {
      table_ = fmt::format("{}.accelerators[{}]", own, i);
      add("type", site.accelerators[i].type);
      add("count", std::uint64_t{site.accelerators[i].count});
      if (const auto price = terms.dollars_per_hour[i]) add("price", *price);
    }
  }

  void list_sky(const Sky& sky) {
    table_ = "sky";
    if (const auto* file = std::get_if<std::string>(&sky.satellites))
      add("elements", absolute(*file));
    add("start", format_utc(sky.start));
    add("speed", sky.speed);
    add("min-elevation", sky.min_elevation_deg);
    const auto* shell = std::get_if<WalkerShell>(&sky.satellites);
    if (shell == nullptr) return;
    table_ = "sky.shell";
    add_text("altitude", fmt::format("\"{} km\"", shell->altitude.value() / 1000));
    add("inclination", shell->inclination_deg);
    add("planes", std::uint64_t{shell->planes});
    add("per-plane", std::uint64_t{shell->per_plane});
    add("phasing", std::uint64_t{shell->phasing});
  }

  void list_link(std::size_t index) {
    const Link& link = scenario_.links[index];
    table_ = fmt::format("link[{}]", index);
    add_text("between", fmt::format("[{}, {}]", show(name(link.a)), show(name(link.b))));
    add_text("kind", word(link.kind));
    if (link.kind == LinkKind::trace) {
      add("delays", absolute(link.trace.delays_file));
      add("capacity", absolute(link.trace.capacity_file));
    } else {
      add("rate", link.rate_ab);
      add("rate-back", link.rate_ba);
    }
    if (link.kind == LinkKind::fibre) add("route-factor", link.route_factor);
    if (link.kind == LinkKind::wire) add("delay", *link.one_way);
    if (link.jitter) add("jitter", *link.jitter);
    if (link.loss) add("loss", *link.loss);
  }

  void list_fault(std::size_t index) {
    const Fault& fault = scenario_.faults[index];
    table_ = fmt::format("fault[{}]", index);
    list_time(fault.at);
    std::visit([this](const auto& what) { list_what(what); }, fault.what);
  }
  void list_time(const FaultTime& at) {
    if (const auto* share = std::get_if<double>(&at))
      add("at", fmt::format("{}%", *share * 100));
    else
      add("at", std::get<Duration>(at));
  }
  void list_what(const CutLink& cut) {
    const Link& link = scenario_.links[cut.link.value];
    add("cut", name(link.a) + "-" + name(link.b));
    add_text("kind", word(link.kind));
    add("for", cut.lasts);
  }
  void list_what(const SlowSite& slow) {
    add("slow", name(slow.site));
    add("by", slow.factor);
    add("for", slow.lasts);
  }
  void list_what(const KillProcess& kill) {
    add("kill", kill.site ? name(*kill.site) : std::string{"controller"});
    if (kill.site) add_text("process", word(kill.process));
  }

  void list_transfer(std::size_t index) {
    const Transfer& transfer = scenario_.transfers[index];
    table_ = fmt::format("transfer[{}]", index);
    add("from", name(transfer.from));
    add("to", name(transfer.to));
    if (transfer.file.empty())
      add_text("size", show_size(transfer.size));
    else
      add("file", transfer.file);
    list_time(transfer.at);
  }

  const std::string& name(SiteId site) const { return scenario_.sites[site.value].name; }

  const Scenario& scenario_;
  const PlanWishes& wishes_;
  const toml::table& file_;
  const std::map<std::string, std::string>& flags_;
  std::string table_;
  std::vector<Setting> settings_;
};

/// "[train]", or "[[site]]" for "site[2]"; "[site.clock]" belongs to the site before it.
std::string heading(std::string table) {
  const bool element = table.ends_with(']');
  for (auto open = table.find('['); open != table.npos; open = table.find('['))
    table.erase(open, table.find(']') - open + 1);
  return element ? "[[" + table + "]]" : "[" + table + "]";
}

}  // namespace

Result<std::vector<Setting>> settings_of(const PlanScenario& scenario, std::string_view text,
                                         const std::map<std::string, std::string>& flags) {
  try {
    return Lister{scenario, toml::parse(text), flags}.list();
  } catch (const toml::parse_error& error) {
    return Error{Errc::invalid, std::string{error.description()}};
  }
}

std::string to_toml(const std::vector<Setting>& settings) {
  std::string text, table;
  for (const Setting& setting : settings) {
    if (setting.table != table) text += "\n" + heading(setting.table) + "\n";
    table = setting.table;
    text += fmt::format("{:<48} # {}\n", setting.key + " = " + setting.value, setting.origin);
  }
  return text;
}

}  // namespace axs::config
