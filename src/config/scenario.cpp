#include "axs/config/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <charconv>
#include <filesystem>

#include "axs/catalog/model_presets.h"
#include "axs/config/plan_facts.h"
#include "axs/config/quantity.h"
#include "axs/config/table.h"
#include "axs/config/text_file.h"
#include "axs/config/trace.h"
#include "axs/core/enums.h"
#include "axs/net/link_presets.h"

namespace axs::config {

namespace {

using namespace catalog;

constexpr std::uint64_t scenario_version = 1;
/// Every pair of sites has paths and connections of its own.
constexpr std::size_t sites_max = 256;
/// To Mars and farther; sums of it and of a run's time are far from the end of 64 bits.
constexpr Duration delay_max = seconds(3600);
constexpr Duration jitter_max = seconds(60);
/// A plan for longer is no plan.
constexpr Duration deadline_max = seconds(100 * 366 * 86'400LL);
/// What is sent of a fragment, at most a byte for each, must fit one message.
constexpr std::uint64_t fragment_parameters_max = 1'000'000'000;

/// What the file is read for: our own workers train byte-level Llamas of sizes that suit their
/// kernels, a plan is made for any transformer.
enum class Purpose { run, plan };

class ScenarioReader {
 public:
  ScenarioReader(std::string file, Purpose purpose)
      : problem_{std::move(file), std::nullopt}, purpose_{purpose} {}

  Result<PlanScenario> read(const toml::table& root) {
    Table top{root, "", problem_};
    if (top.whole("version", 1, 1000) > scenario_version)
      top.fail("version", fmt::format("this program reads version {}", scenario_version));
    scenario_.name = top.text("name");
    if (top.has("seed")) scenario_.seed = top.whole("seed", 0, ~0ull >> 1);
    top.table("model", [this](Table& t) { read_model(t); });
    if (!top.has("train")) top.fail("train", "missing, want a table with the tokens to train");
    top.table("train", [this](Table& t) { read_train(t); });
    top.table("plan", [this](Table& t) { read_plan(t); });
    top.tables("accelerator", [this](Table& t) { read_own_accelerator(t, own_); });
    top.tables("site", [this](Table& t) { read_site(t); });
    if (scenario_.sites.empty()) top.fail("site", "missing, want at least one [[site]]");
    if (scenario_.sites.size() > sites_max)
      top.fail("site", fmt::format("{} sites, want at most {}", scenario_.sites.size(), sites_max));
    top.table("sky", [this](Table& t) { read_sky(t); });
    top.tables("link", [this](Table& t) { read_link(t); });
    top.tables("fault", [this](Table& t) { read_fault(t); });
    top.tables("transfer", [this](Table& t) { read_transfer(t); });
    check_reach(top);
    if (purpose_ == Purpose::run) check_fragments(top);
    top.finish();
    if (problem_.first) return *problem_.first;
    return PlanScenario{std::move(scenario_), std::move(wishes_), states_exchange_,
                        std::move(own_)};
  }

 private:
  void read_model(Table& t) {
    Model& model = scenario_.model;
    if (t.has("preset")) {
      const auto preset = model_preset(t.text("preset"));
      if (!preset) return t.fail("preset", preset.error().what);
      model = *preset;
    }
    const auto dimension = [&](const char* key, std::uint32_t& value, std::uint64_t most) {
      if (t.has(key)) value = static_cast<std::uint32_t>(t.whole(key, 1, most));
    };
    dimension("layers", model.layers, 1000);
    dimension("heads", model.heads, 1024);
    if (t.has("heads")) model.kv_heads = model.heads;
    dimension("kv-heads", model.kv_heads, 1024);
    dimension("width", model.width, 65536);
    dimension("hidden", model.hidden, 65536);
    dimension("context", model.context, 1 << 24);
    dimension("vocabulary", model.vocabulary, 1 << 24);
    if (t.has("head-width"))
      model.head_width = static_cast<std::uint32_t>(t.whole("head-width", 1, 65536));
    if (t.has("gated")) model.gated = t.flag("gated");
    if (t.has("tied")) model.tied = t.flag("tied");
    if (t.has("window")) model.window = static_cast<std::uint32_t>(t.whole("window", 0, 1 << 24));
    t.table("experts", [&](Table& experts) { read_experts(experts, model); });
    if (model.heads % model.kv_heads != 0)
      t.fail("kv-heads",
             fmt::format("{}, want a divisor of the {} heads", model.kv_heads, model.heads));
    if (!model.head_width && model.width % model.heads != 0)
      t.fail("width", fmt::format("{}, want a multiple of the {} heads, or head-width", model.width,
                                  model.heads));
    if (purpose_ == Purpose::run) check_workers_train_it(t, model);
  }

  static void read_experts(Table& t, Model& model) {
    Experts& experts = model.experts;
    const auto whole = [&](const char* key, std::uint32_t& value, std::uint64_t least) {
      value = static_cast<std::uint32_t>(t.whole(key, least, 1 << 20));
    };
    whole("count", experts.count, 1);
    whole("chosen", experts.chosen, 1);
    whole("hidden", experts.hidden, 1);
    if (t.has("shared")) whole("shared", experts.shared, 0);
    if (t.has("dense-layers")) whole("dense-layers", experts.dense_layers, 0);
    if (experts.chosen > experts.count)
      t.fail("chosen",
             fmt::format("{}, want at most the {} experts", experts.chosen, experts.count));
    if (experts.dense_layers > model.layers)
      t.fail("dense-layers",
             fmt::format("{}, want at most the {} layers", experts.dense_layers, model.layers));
  }

  static void check_workers_train_it(Table& t, const Model& model) {
    const auto only = [&](const char* key, bool holds, const char* want) {
      if (!holds) t.fail(key, fmt::format("our workers do not train this, want {}", want));
    };
    only("context", model.context <= 65536, "at most 65536");
    only("vocabulary", model.vocabulary == 256, "256: text is trained byte by byte");
    only("head-width", head_width(model) * model.heads == model.width, "width / heads");
    only("gated", model.gated, "true");
    only("tied", model.tied, "true");
    only("window", model.window == 0, "it left out");
    only("experts", model.experts.count == 0, "none");
    // The vector kernels want heads of a multiple of 16 values.
    if (model.width % (16 * model.heads) != 0)
      t.fail("width",
             fmt::format("{}, want a multiple of 16 times the {} heads", model.width, model.heads));
    if (model.hidden % 16 != 0)
      t.fail("hidden", fmt::format("{}, want a multiple of 16", model.hidden));
  }

  void read_train(Table& t) {
    Train& train = scenario_.train;
    train.tokens = t.quantity("tokens", parse_count);
    if (t.has("sync"))
      train.sync = t.choice<SyncMode>(
          "sync", {{"outer", SyncMode::outer}, {"every-step", SyncMode::every_step}});
    if (t.has("sequences"))
      train.sequences = static_cast<std::uint32_t>(t.whole("sequences", 1, 1 << 20));
    t.table("inner", [&](Table& inner) { read_inner(inner, train.inner); });
    t.table("outer", [&](Table& outer) { read_outer(outer, train.outer); });
  }

  static void read_inner(Table& t, InnerRule& rule) {
    const auto number = [&](const char* key, double& value, double most) {
      if (t.has(key)) value = t.number(key, 0, most);
    };
    number("rate", rule.rate_peak, 10);
    number("final-rate", rule.rate_final, 10);
    number("beta1", rule.beta1, 0.999999);
    number("beta2", rule.beta2, 0.999999);
    number("weight-decay", rule.weight_decay, 10);
    number("clip", rule.clip_norm, 1e6);
    if (t.has("warmup"))
      rule.warmup_steps = static_cast<std::uint32_t>(t.whole("warmup", 0, 1 << 30));
  }

  void read_outer(Table& t, OuterRule& rule) {
    states_exchange_ = t.has("period") || t.has("fragments");
    if (t.has("period")) rule.period = static_cast<std::uint32_t>(t.whole("period", 1, period_max));
    if (t.has("fragments"))
      rule.fragments = static_cast<std::uint32_t>(t.whole("fragments", 1, fragments_max));
    if (t.has("rate")) rule.rate = t.number("rate", 0, 10);
    if (t.has("momentum")) rule.momentum = t.number("momentum", 0, 0.999);
    if (t.has("inner-scale")) rule.inner_scale = t.number("inner-scale", 0, 100);
    if (t.has("inner-beta1")) rule.inner_beta1 = t.number("inner-beta1", 0, 0.999999);
    if (rule.fragments > rule.period)
      t.fail("fragments",
             fmt::format("{}, want at most the period of {} steps", rule.fragments, rule.period));
  }

  static Dollars read_money(Table& t, std::string_view key) {
    return t.is_text(key) ? t.quantity(key, parse_money) : Dollars{t.number(key, 0, 1e15)};
  }

  void read_plan(Table& t) {
    using plan::Objective;
    using plan::Precision;
    if (t.has("precision"))
      wishes_.precision = t.choice<Precision>("precision", {{"bf16", Precision::bf16},
                                                            {"fp16", Precision::bf16},
                                                            {"fp8", Precision::fp8},
                                                            {"fp4", Precision::fp4}});
    if (t.has("deadline"))
      wishes_.deadline = Seconds{t.time_ahead("deadline", deadline_max).seconds()};
    if (t.has("objective"))
      wishes_.objective = t.choice<Objective>("objective", {{"time", Objective::time},
                                                            {"money", Objective::money},
                                                            {"energy", Objective::energy},
                                                            {"carbon", Objective::carbon}});
    if (t.has("budget")) wishes_.limits.budget = read_money(t, "budget");
    if (t.has("power")) wishes_.limits.power = t.quantity("power", parse_power);
    if (t.has("jurisdictions")) wishes_.jurisdictions = t.texts("jurisdictions");
  }

  void read_site(Table& t) {
    Site site;
    site.name = t.text("name");
    if (site.name.empty() || site.name.size() > 32 ||
        !std::all_of(site.name.begin(), site.name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }))
      t.fail("name",
             fmt::format("\"{}\", want lower-case letters and digits, at most 32", site.name));
    if (find_site(site.name)) t.fail("name", fmt::format("\"{}\" is used twice", site.name));
    const auto [latitude, longitude] = t.two_numbers("at");
    if (!(latitude >= -90 && latitude <= 90 && longitude >= -180 && longitude <= 180))
      t.fail("at", fmt::format("[{}, {}], want latitude -90..90 and longitude -180..180", latitude,
                               longitude));
    site.at = {latitude, longitude};
    if (t.has("jurisdiction")) site.jurisdiction = t.text("jurisdiction");
    SiteTerms& terms = wishes_.sites.emplace_back(read_terms(t));
    t.tables("accelerators", [&](Table& a) {
      Accelerator accelerator{a.text("type"), 1};
      if (a.has("count"))
        accelerator.count = static_cast<std::uint32_t>(a.whole("count", 1, 1 << 20));
      terms.dollars_per_hour.emplace_back();
      if (a.has("price")) terms.dollars_per_hour.back() = a.number("price", 0, 1e6);
      site.accelerators.push_back(accelerator);
    });
    t.table("clock", [&](Table& c) {
      if (c.has("offset")) site.clock.offset = c.quantity("offset", parse_offset);
      if (c.has("drift-ppm")) site.clock.drift_ppm = c.number("drift-ppm", -1000, 1000);
    });
    scenario_.sites.push_back(std::move(site));
  }

  static SiteTerms read_terms(Table& t) {
    SiteTerms terms;
    if (t.has("pue")) terms.pue = t.number("pue", 1, 10);
    if (t.has("energy-price"))
      terms.dollars_per_kwh = t.quantity("energy-price", parse_energy_price);
    if (t.has("carbon")) terms.grams_per_kwh = t.number("carbon", 0, 1e5);
    if (t.has("power")) terms.power = t.quantity("power", parse_power);
    return terms;
  }

  void read_sky(Table& t) {
    Sky sky;
    if (t.has("elements")) sky.satellites = beside(t.text("elements"));
    t.table("shell", [&](Table& s) {
      WalkerShell shell;
      shell.altitude = s.quantity("altitude", parse_length);
      shell.inclination_deg = s.number("inclination", 0, 180);
      shell.planes = static_cast<std::uint32_t>(s.whole("planes", 1, 1000));
      shell.per_plane = static_cast<std::uint32_t>(s.whole("per-plane", 1, 1000));
      if (s.has("phasing")) shell.phasing = static_cast<std::uint32_t>(s.whole("phasing", 0, 1000));
      sky.satellites = shell;
    });
    if (t.has("elements") == t.has("shell"))
      t.fail("elements", "want either elements = \"FILE\" (.tle, .toml) or a table shell");
    sky.start = t.quantity("start", parse_utc);
    if (t.has("speed")) sky.speed = t.number("speed", 0.001, 1000);
    if (t.has("min-elevation")) sky.min_elevation_deg = t.number("min-elevation", 0, 89);
    scenario_.sky = sky;
  }

  void read_link(Table& t) {
    Link link;
    const auto [a, b] = t.two_texts("between");
    const auto first = named_site(t, "between", a), second = named_site(t, "between", b);
    if (!first || !second) return;
    if (*first == *second) return t.fail("between", fmt::format("\"{}\" twice, want two sites", a));
    link.a = *first;
    link.b = *second;
    link.kind = read_kind(t);
    if (link.kind == LinkKind::trace)
      read_trace(t, link);
    else
      link.rate_ab = link.rate_ba = t.quantity("rate", parse_rate);
    if (t.has("rate-back")) link.rate_ba = t.quantity("rate-back", parse_rate);
    if (t.has("route-factor")) link.route_factor = t.number("route-factor", 1, 10);
    if (t.has("delay")) link.one_way = t.duration("delay", delay_max);
    if (t.has("jitter")) link.jitter = t.duration("jitter", jitter_max);
    if (t.has("loss")) link.loss = t.number("loss", 0, 1);
    if (link.kind == LinkKind::wire && !link.one_way)
      t.fail("delay", "missing, want the one-way delay of a wire");
    if (link.kind != LinkKind::wire && t.has("delay"))
      t.fail("delay", "only a link of kind \"wire\" has a stated delay");
    for (const char* key : {"rate", "rate-back", "jitter", "route-factor"})
      if (link.kind == LinkKind::trace && t.has(key))
        t.fail(key, "the traces say what a link of kind \"trace\" is like");
    if (link.kind == LinkKind::leo && !scenario_.sky) t.fail("kind", "\"leo\" wants a table [sky]");
    if (find_link(link.a, link.b, link.kind))
      t.fail("between", "these sites have a link of this kind already");
    scenario_.links.push_back(link);
  }

  /// Its delays and rates, and for those who want one number, their means.
  void read_trace(Table& t, Link& link) {
    link.trace.delays_file = beside(t.text("delays"));
    link.trace.capacity_file = beside(t.text("capacity"));
    auto delays = read_delay_trace(link.trace.delays_file);
    if (!delays) return t.fail("delays", delays.error().what);
    auto capacity = read_capacity_trace(link.trace.capacity_file);
    if (!capacity) return t.fail("capacity", capacity.error().what);
    link.one_way = net::mean_delay(*delays);
    link.rate_ab = link.rate_ba = net::mean_rate(*capacity);
    link.trace.delay_step = delays->step;
    link.trace.one_way = std::move(delays->one_way);
    link.trace.rate_step = capacity->step;
    link.trace.bytes_per_second = std::move(capacity->bytes_per_second);
  }

  /// Relative to the scenario, so that it works from any folder.
  std::string beside(const std::string& file) const {
    const std::filesystem::path base = std::filesystem::path{problem_.file}.parent_path();
    return (base / file).lexically_normal().string();
  }

  void read_fault(Table& t) {
    Fault fault;
    fault.at = read_fault_time(t);
    const int kinds = t.has("cut") + t.has("slow") + t.has("kill");
    if (kinds != 1) return t.fail("cut", "want exactly one of cut, slow, kill");
    if (t.has("cut")) fault.what = read_cut(t);
    if (t.has("slow")) {
      SlowSite slow;
      slow.site = named_site(t, "slow", t.text("slow")).value_or(SiteId{});
      slow.factor = t.number("by", 1, 1000);
      slow.lasts = t.quantity("for", parse_duration);
      fault.what = slow;
    }
    if (t.has("kill")) fault.what = read_kill(t);
    scenario_.faults.push_back(fault);
  }

  static FaultTime read_fault_time(Table& t) {
    const std::string at = t.text("at");
    if (!at.ends_with('%')) {
      const auto time = parse_duration(at);
      if (!time)
        t.fail("at", "\"" + at + "\", want a time such as \"40s\" or a share such as \"20%\"");
      return time ? *time : Duration{};
    }
    double share = -1;
    const auto [end, problem] = std::from_chars(at.data(), at.data() + at.size() - 1, share);
    if (problem != std::errc{} || end != at.data() + at.size() - 1 || !(share >= 0 && share <= 100))
      t.fail("at", "\"" + at + "\", want 0% to 100%");
    return share / 100;
  }

  void read_transfer(Table& t) {
    Transfer transfer;
    const auto from = named_site(t, "from", t.text("from"));
    const auto to = named_site(t, "to", t.text("to"));
    if (!from || !to) return;
    if (*from == *to) return t.fail("to", fmt::format("\"{}\", want another site", t.text("to")));
    transfer.from = *from;
    transfer.to = *to;
    transfer.at = read_fault_time(t);
    if (t.has("file") == t.has("size"))
      return t.fail("file", "want either file = \"FILE\" or size = \"200 MB\"");
    if (t.has("file")) {
      read_transfer_file(t, transfer);
    } else {
      transfer.name = fmt::format("transfer-{}", scenario_.transfers.size() + 1);
      transfer.size = t.quantity("size", parse_size);
    }
    for (const Transfer& other : scenario_.transfers)
      if (other.to == transfer.to && other.name == transfer.name)
        t.fail("file", fmt::format("\"{}\" goes to \"{}\" twice, want files of different names",
                                   transfer.name, t.text("to")));
    scenario_.transfers.push_back(std::move(transfer));
  }

  void read_transfer_file(Table& t, Transfer& transfer) const {
    const auto path = std::filesystem::absolute(beside(t.text("file"))).lexically_normal();
    std::error_code failure;
    if (!std::filesystem::is_regular_file(path, failure))
      return t.fail("file", fmt::format("\"{}\" is no file", path.string()));
    transfer.name = path.filename().string();
    transfer.file = path.string();
    transfer.size = std::filesystem::file_size(path, failure);
    if (failure || transfer.size == 0)
      t.fail("file", fmt::format("\"{}\" is empty or cannot be read", path.string()));
  }

  static LinkKind read_kind(Table& t) {
    return t.choice<LinkKind>("kind", {{"fibre", LinkKind::fibre},
                                       {"leo", LinkKind::leo},
                                       {"wire", LinkKind::wire},
                                       {"trace", LinkKind::trace}});
  }

  CutLink read_cut(Table& t) {
    CutLink cut;
    const std::string name = t.text("cut");
    const auto dash = name.find('-');
    const auto a = find_site(name.substr(0, dash));
    const auto b = dash == name.npos ? std::nullopt : find_site(name.substr(dash + 1));
    const LinkKind wanted = t.has("kind") ? read_kind(t) : LinkKind::fibre;
    const auto link = a && b ? find_link(*a, *b, wanted) : std::nullopt;
    if (link)
      cut.link = *link;
    else
      t.fail("cut", fmt::format("\"{}\" is no {} link of this scenario, want SITE-SITE", name,
                                enum_name(wanted)));
    cut.lasts = t.quantity("for", parse_duration);
    return cut;
  }

  KillProcess read_kill(Table& t) {
    const std::string name = t.text("kill");
    if (name == "controller") return {std::nullopt, Process::controller};
    KillProcess kill{.site = named_site(t, "kill", name)};
    if (t.has("process"))
      kill.process =
          t.choice<Process>("process", {{"worker", Process::worker}, {"agent", Process::agent}});
    return kill;
  }

  /// In a run every pair must be joined by one link, or by two with a third site between them:
  /// routing looks no farther.
  void check_reach(Table& top) {
    const std::size_t count = scenario_.sites.size();
    if (purpose_ == Purpose::plan || count > sites_max) return;  // No need, or said already.
    using Row = std::bitset<sites_max>;
    std::vector<Row> joined(count);
    for (const Link& link : scenario_.links)
      joined[link.a.value].set(link.b.value), joined[link.b.value].set(link.a.value);
    for (std::size_t a = 0; a < count; ++a)
      for (std::size_t b = a + 1; b < count; ++b)
        if (!joined[a].test(b) && (joined[a] & joined[b]).none())
          return top.fail("link", fmt::format("no path of one or two links joins \"{}\" and \"{}\"",
                                              scenario_.sites[a].name, scenario_.sites[b].name));
  }
  void check_fragments(Table& top) {
    const std::uint32_t fragments = scenario_.train.outer.fragments;
    const std::uint64_t parameters = parameter_count(scenario_.model);
    if (parameters / fragments > fragment_parameters_max)
      top.fail("model", fmt::format("{} parameters, {} fragments of them, want at most {} in each",
                                    parameters, fragments, fragment_parameters_max));
    if (fragments > scenario_.model.layers)
      top.fail("train", fmt::format("outer.fragments = {}, want at most the {} layers of the model",
                                    fragments, scenario_.model.layers));
  }

  std::optional<SiteId> find_site(std::string_view name) const {
    for (std::uint32_t i = 0; i < scenario_.sites.size(); ++i)
      if (scenario_.sites[i].name == name) return SiteId{i};
    return std::nullopt;
  }
  std::optional<SiteId> named_site(Table& t, std::string_view key, std::string_view name) const {
    const auto site = find_site(name);
    if (!site) t.fail(key, fmt::format("no site is called \"{}\"", name));
    return site;
  }
  std::optional<LinkId> find_link(SiteId a, SiteId b, LinkKind kind) const {
    for (std::uint32_t i = 0; i < scenario_.links.size(); ++i) {
      const Link& link = scenario_.links[i];
      const bool same = (link.a == a && link.b == b) || (link.a == b && link.b == a);
      if (same && link.kind == kind) return LinkId{i};
    }
    return std::nullopt;
  }

  Table::Problem problem_;
  Purpose purpose_;
  Scenario scenario_;
  PlanWishes wishes_;
  bool states_exchange_ = false;
  std::vector<plan::AcceleratorFacts> own_;
};

}  // namespace

Result<Scenario> parse_scenario(std::string_view text, const std::string& file) {
  const toml::table root = AXS_TRY(parse_toml(text, file));
  auto read = ScenarioReader{file, Purpose::run}.read(root);
  if (!read) return read.error();
  return std::move(read->scenario);
}

Result<PlanScenario> parse_plan_scenario(std::string_view text, const std::string& file) {
  return ScenarioReader{file, Purpose::plan}.read(AXS_TRY(parse_toml(text, file)));
}

Result<std::string> read_scenario_text(const std::string& file) {
  // A scenario is written by a person; what is larger is something else.
  return read_text_file(file, "scenario", 1u << 20);
}

Result<Scenario> read_scenario(const std::string& file) {
  return parse_scenario(AXS_TRY(read_scenario_text(file)), file);
}

}  // namespace axs::config
