#include "axs/cli/plan_replan_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <ranges>
#include <string_view>

#include "axs/cli/flag.h"
#include "axs/config/quantity.h"

namespace axs::cli {
namespace {

using plan::Fleet;

Error wrong(const std::string& seen, const std::string& want) {
  return {Errc::invalid, fmt::format("{}, want {}", seen, want)};
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts{""};
  for (const char letter : text)
    if (letter == ':')
      parts.emplace_back();
    else
      parts.back() += letter;
  return parts;
}

std::optional<std::uint32_t> find_site(const Fleet& fleet, std::string_view name) {
  const auto site = std::ranges::find(fleet.sites, name, &plan::FleetSite::name);
  if (site == fleet.sites.end()) return std::nullopt;
  return static_cast<std::uint32_t>(site - fleet.sites.begin());
}

Result<std::uint32_t> site_of(const Fleet& fleet, const std::string& name) {
  if (const auto site = find_site(fleet, name)) return *site;
  const auto names = std::views::transform(fleet.sites, &plan::FleetSite::name);
  return wrong(fmt::format("site \"{}\"", name), fmt::format("one of {}", fmt::join(names, ", ")));
}

/// All of a number, and nothing behind it.
std::optional<double> number_of(std::string_view text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = failed == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional{number} : std::nullopt;
}

/// Of one type, all that the site has.
std::vector<plan::LostDevices> devices_at(const Fleet& fleet, std::uint32_t site) {
  std::vector<plan::LostDevices> all;
  for (const plan::Pool& pool : fleet.sites[site].pools) {
    const auto same = std::ranges::find(all, pool.type, &plan::LostDevices::type);
    if (same == all.end())
      all.push_back({site, pool.type, pool.devices});
    else
      same->devices += pool.devices;
  }
  std::erase_if(all, [](const plan::LostDevices& some) { return some.devices == 0; });
  return all;
}

Result<std::vector<plan::LostDevices>> lost_of(const std::string& text, const Fleet& fleet) {
  const auto parts = parts_of(text);
  if (parts.size() > 3)
    return wrong(fmt::format("\"{}\"", text), "SITE, SITE:COUNT or SITE:COUNT:TYPE");
  const std::uint32_t site = AXS_TRY(site_of(fleet, parts[0]));
  std::vector<plan::LostDevices> lost = devices_at(fleet, site);
  if (parts.size() == 3)
    std::erase_if(lost, [&](const plan::LostDevices& some) {
      return fleet.types[some.type].accelerator.name != parts[2];
    });
  if (lost.empty()) return wrong(fmt::format("\"{}\"", text), "devices that the site has");
  if (parts.size() == 1) return lost;
  if (lost.size() > 1)
    return wrong(fmt::format("\"{}\": the site has devices of several types", text),
                 fmt::format("one of them, like {}:{}", text,
                             fleet.types[lost.front().type].accelerator.name));
  const std::uint64_t count = AXS_TRY(config::parse_count(parts[1]));
  if (count > lost.front().devices)
    return wrong(fmt::format("{} devices of {}", count, parts[0]),
                 fmt::format("at most the {} that it has", lost.front().devices));
  lost.front().devices = static_cast<std::uint32_t>(count);
  return lost;
}

Result<plan::SlowSite> slow_of(const std::string& text, const Fleet& fleet) {
  const auto parts = parts_of(text);
  const auto speed = parts.size() == 2 ? number_of(parts[1]) : std::nullopt;
  if (!speed) return wrong(fmt::format("\"{}\"", text), "one like sfo:0.5");
  return plan::SlowSite{AXS_TRY(site_of(fleet, parts[0])), *speed};
}

/// Names of sites may have a hyphen.
Result<plan::LinkLimit> ends_of(const std::string& text, const Fleet& fleet) {
  for (std::size_t at = text.find('-'); at != std::string::npos; at = text.find('-', at + 1)) {
    const auto from = find_site(fleet, std::string_view{text}.substr(0, at));
    const auto to = find_site(fleet, std::string_view{text}.substr(at + 1));
    if (from && to) return plan::LinkLimit{*from, *to, std::nullopt};
  }
  return wrong(fmt::format("link \"{}\"", text), "two sites of the job, like sfo-fra");
}

Result<plan::LinkLimit> link_of(const std::string& text, const Fleet& fleet) {
  const auto parts = parts_of(text);
  if (parts.size() != 2)
    return wrong(fmt::format("\"{}\"", text), "one like sfo-fra:1Gb/s or sfo-fra:cut");
  plan::LinkLimit link = AXS_TRY(ends_of(parts[0], fleet));
  if (parts[1] != "cut") link.rate = AXS_TRY(config::parse_rate(parts[1]));
  return link;
}

}  // namespace

Result<plan::FleetEvents> events_of(const EventFlags& flags, const Fleet& fleet) {
  plan::FleetEvents events;
  for (const std::string& text : flags.lost) {
    const auto lost = AXS_TRY(of_flag("--lost", lost_of(text, fleet)));
    events.lost.insert(events.lost.end(), lost.begin(), lost.end());
  }
  for (const std::string& text : flags.slow)
    events.slow.push_back(AXS_TRY(of_flag("--slow", slow_of(text, fleet))));
  for (const std::string& text : flags.links)
    events.links.push_back(AXS_TRY(of_flag("--link", link_of(text, fleet))));
  return events;
}

Result<double> tokens_left(const std::string& done, double tokens) {
  const std::string want = "less than all tokens, like 40% or 400G";
  double left = 0;
  if (!done.empty() && done.back() == '%') {
    const auto percent = number_of(std::string_view{done}.substr(0, done.size() - 1));
    if (!percent || !(*percent >= 0 && *percent < 100))
      return wrong(fmt::format("--done: \"{}\"", done), want);
    left = tokens * (1 - *percent / 100);
  } else {
    left = tokens - static_cast<double>(AXS_TRY(of_flag("--done", config::parse_count(done))));
  }
  if (!(left > 0)) return wrong(fmt::format("--done: \"{}\" of {:.4g} tokens", done, tokens), want);
  return left;
}

}  // namespace axs::cli
