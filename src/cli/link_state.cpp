#include "axs/cli/link_state.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "axs/cli/rows.h"
#include "axs/core/enums.h"
#include "axs/live/link_end.h"

namespace axs::cli {
namespace {

using live::LinkSide;
using live::LinkSpec;
using Json = nlohmann::ordered_json;

/// What an end has said last; if it does not run, why. An empty object if it said nothing yet.
Json end_of(const live::LinkFolder& folder, LinkSide side) {
  const bool alive = live::end_process(folder, side).has_value();
  const std::string words = alive ? std::string{} : live::last_words(folder, side);
  if (!alive) return words.empty() ? Json::object() : Json{{"why", words}};
  Json stats = Json::parse(live::end_stats(folder, side), nullptr, false);
  return stats.is_object() ? stats : Json::object();
}

struct LinkState {
  LinkSpec spec;
  std::string state;
  Json ends = Json::object();      ///< By side.
  Json measured = Json::object();  ///< Of the local end that measures.
  std::vector<std::string> breaches;
};

std::string state_of(const live::LinkFolder& folder, const LinkSpec& spec, const Json& ends) {
  std::string down;
  std::size_t up = 0;
  for (const LinkSide side : spec.local) {
    if (!live::end_process(folder, side))
      down += (down.empty() ? "" : " and ") + spec.end(side).site;
    const Json& end = ends[std::string{enum_name(side)}];
    up += end.value("state", "") == "up";
  }
  if (!down.empty()) return down + " down";
  return up == spec.local.size() ? "up" : "connecting";
}

Result<LinkState> look_at(const LinkFlags& flags, const std::string& name) {
  LinkState found{.spec = AXS_TRY(flags.load(name)), .state = {}, .breaches = {}};
  const live::LinkFolder folder = flags.of(name);
  for (const LinkSide side : found.spec.local)
    found.ends[std::string{enum_name(side)}] = end_of(folder, side);
  found.state = state_of(folder, found.spec, found.ends);
  found.measured = found.ends[std::string{enum_name(found.spec.local.front())}];
  found.breaches = AXS_TRY(live::breaches_of(folder));
  return found;
}

Cell milliseconds_cell(const Json& end, const char* key) {
  const auto at = end.find(key);
  return at == end.end() || !at->is_number() ? Cell{} : Cell{Decimal{at->get<double>(), 1}};
}

Cell loss_cell(const Json& end) {
  const double probes = end.value("probes", 0.0);
  if (probes == 0) return {};
  return Decimal{100 * end.value("probes_lost", 0.0) / probes, 1};
}

Rows rows_of(const std::vector<LinkState>& links) {
  Rows rows{{{"name", "NAME"},
             {"state", "STATE"},
             {"rate", "RATE"},
             {"class", "CLASS"},
             {"rtt_p50_ms", "RTT p50 [ms]"},
             {"rtt_percentile_ms", "p99 [ms]"},
             {"promised_ms", "PROMISED [ms]"},
             {"loss_percent", "LOSS [%]"},
             {"breaches", "BREACHES"}},
            {}};
  for (const LinkState& link : links) {
    const auto& promise = link.spec.promise;
    rows.rows.push_back(
        {link.spec.name, link.state, rate_text(link.spec),
         std::string{enum_name(link.spec.traffic)}, milliseconds_cell(link.measured, "rtt_p50_ms"),
         milliseconds_cell(link.measured, "rtt_percentile_ms"),
         promise ? Cell{Decimal{promise->round_trip.seconds() * 1e3, 1}} : Cell{},
         loss_cell(link.measured), static_cast<std::int64_t>(link.breaches.size())});
  }
  return rows;
}

Json forwards_of(const std::vector<live::LinkForward>& forwards) {
  Json all = Json::array();
  for (const auto& forward : forwards)
    all.push_back({{"port", forward.port}, {"target", live::text_of(forward.target)}});
  return all;
}

Json object_of(const LinkState& link) {
  const LinkSpec& spec = link.spec;
  Json object{{"name", spec.name},
              {"from", spec.end(LinkSide::from).site},
              {"to", spec.end(LinkSide::to).site},
              {"state", link.state},
              {"class", enum_name(spec.traffic)},
              {"rate_bits_per_second", spec.rate ? Json(spec.rate->value() * 8) : Json()},
              {"light_ms", spec.offer.light.seconds() * 1e3},
              {"promise", nullptr},
              {"tcp", forwards_of(spec.tcp)},
              {"udp", forwards_of(spec.udp)},
              {"ends", link.ends},
              {"breaches", Json::array()}};
  if (spec.promise)
    object["promise"] = {{"stretch", spec.promise->stretch},
                         {"percentile", spec.promise->percentile},
                         {"rtt_ms", spec.promise->round_trip.seconds() * 1e3}};
  for (const auto& line : link.breaches) object["breaches"].push_back(Json::parse(line));
  return object;
}

std::string number_text(const Json& value, const char* unit) {
  return value.is_number() ? fmt::format("{:.1f}{}", value.get<double>(), unit) : "no answer";
}

void print_breach(const std::string& line) {
  const Json breach = Json::parse(line);
  fmt::print("  {} to {}: {}, promised {}; {} of {} probes lost\n", breach.value("begin", ""),
             breach.value("end", ""), number_text(breach["measured_ms"], " ms"),
             number_text(breach["promised_ms"], " ms"), breach.value("lost", 0),
             breach.value("probes", 0));
}

void print_link(const LinkState& link) {
  const LinkSpec& spec = link.spec;
  fmt::print("{}: {}, {}, {}\n", spec.name, link.state, rate_text(spec), enum_name(spec.traffic));
  for (const LinkSide side : spec.local) {
    const Json& end = link.ends[std::string{enum_name(side)}];
    const std::string why = end.value("why", "");
    fmt::print("  {} at {}{}\n", spec.end(side).site, live::text_of(spec.end(side).at),
               why.empty() ? "" : ": " + why);
    if (end.contains("way"))
      fmt::print("    way: {}, for {}\n", end.value("way", ""), end.value("why_this_way", ""));
  }
  for (const auto& forward : spec.tcp)
    fmt::print("  tcp 127.0.0.1:{} -> {}\n", forward.port, live::text_of(forward.target));
  for (const auto& forward : spec.udp)
    fmt::print("  udp 127.0.0.1:{} -> {}\n", forward.port, live::text_of(forward.target));
  fmt::print("promised: {}\n{}\n", promise_text(spec), net::offer_text(spec.offer));
  if (link.measured.contains("rtt_p50_ms"))
    fmt::print("measured: p50 {}, p{:g} {}\n", number_text(link.measured["rtt_p50_ms"], " ms"),
               spec.promise ? spec.promise->percentile : 99.0,
               number_text(link.measured["rtt_percentile_ms"], " ms"));
  fmt::print("breaches: {}\n", link.breaches.size());
  for (const auto& line : link.breaches) print_breach(line);
}

}  // namespace

void LinkLsCommand::declare(CLI::App& app) {
  flags_.declare(app);
  app.footer("Examples:\n  axs link ls\n  axs link ls --json");
}

Result<ExitCode> LinkLsCommand::run() {
  std::vector<LinkState> links;
  for (const auto& name : live::links_in(flags_.path()))
    links.push_back(AXS_TRY(look_at(flags_, name)));
  RowsFormat format;
  format.json = flags_.json;
  fmt::print("{}", format.text(rows_of(links), "links"));
  return ExitCode::done;
}

void LinkNamedCommand::declare(CLI::App& app) {
  app.add_option("link", link_, "The name of the link")->required();
  flags_.declare(app);
  app.footer(
      fmt::format("Examples:\n  axs link {0} sfo-fra\n  axs link {0} sfo-fra --json", name()));
}

Result<ExitCode> LinkShowCommand::run() {
  const LinkState link = AXS_TRY(look_at(flags_, link_));
  if (flags_.json)
    fmt::print("{}\n", object_of(link).dump(2));
  else
    print_link(link);
  return ExitCode::done;
}

Result<ExitCode> LinkStatsCommand::run() {
  const LinkState link = AXS_TRY(look_at(flags_, link_));
  if (flags_.json) {
    Json object{{"name", link.spec.name},
                {"state", link.state},
                {"breaches", link.breaches.size()},
                {"ends", link.ends}};
    fmt::print("{}\n", object.dump(2));
    return ExitCode::done;
  }
  Rows rows{{{"", "END"}, {"", "WHAT"}, {"", "COUNT"}}, {}};
  for (const auto& [side, end] : link.ends.items()) {
    const Json flat = end.flatten();
    for (const auto& [key, value] : flat.items())
      rows.rows.push_back(
          {side, key.substr(1), value.is_string() ? value.get<std::string>() : value.dump()});
  }
  fmt::print("{}: {}\n{}", link.spec.name, link.state, RowsFormat{}.text(rows, "counts"));
  return ExitCode::done;
}

Result<ExitCode> LinkStartCommand::run() {
  const LinkSpec spec = AXS_TRY(flags_.load(link_));
  AXS_TRY(start_link(flags_.of(link_), spec));
  fmt::print("{}", flags_.json ? "{\"state\":\"up\"}\n" : link_ + ": up\n");
  return ExitCode::done;
}

Result<ExitCode> LinkStopCommand::run() {
  const LinkSpec spec = AXS_TRY(flags_.load(link_));
  for (const LinkSide side : spec.local) AXS_TRY(live::stop_end(flags_.of(link_), side));
  fmt::print("{}", flags_.json ? "{\"state\":\"down\"}\n" : link_ + ": stopped\n");
  return ExitCode::done;
}

Result<ExitCode> LinkRmCommand::run() {
  const LinkSpec spec = AXS_TRY(flags_.load(link_));
  AXS_TRY(remove_link(flags_.of(link_), spec));
  fmt::print("{}", flags_.json ? "{\"state\":\"removed\"}\n" : link_ + ": removed\n");
  return ExitCode::done;
}

void LinkEndCommand::declare(CLI::App& app) {
  app.group("");  // Not for people.
  app.add_option("folder", folder_, "The folder of the link")->required();
  app.add_option("side", side_, "from or to")->required();
}

Result<ExitCode> LinkEndCommand::run() {
  for (const LinkSide side : live::link_sides) {
    if (side_ != enum_name(side)) continue;
    AXS_TRY(live::run_link_end(live::LinkFolder{folder_}, side));
    return ExitCode::done;
  }
  return Error{Errc::invalid, "end " + side_ + ": want from or to"};
}

}  // namespace axs::cli
