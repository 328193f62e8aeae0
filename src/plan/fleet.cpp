#include "axs/plan/fleet.h"

#include <algorithm>
#include <cmath>

#include "axs/plan/is_positive.h"
#include "axs/plan/rounded.h"

namespace axs::plan {

namespace {

Error wrong(const std::string& what, double seen, const std::string& want,
            const std::string& unit = "") {
  return {Errc::invalid, what + " " + rounded(seen) + unit + ", want " + want};
}

/// Nobody has more.
constexpr std::uint32_t devices_max = 1u << 24;

/// Slices of a torus are the largest nodes.
constexpr std::uint32_t per_node_max = 1u << 16;
/// Mixed pipelines of more are too many to be looked at.
constexpr std::size_t types_max = 8;

Result<> check_type(const DeviceType& type) {
  const Accelerator& a = type.accelerator;
  const std::string of = "accelerator " + a.name + ": ";
  const std::string positive = "> 0";
  if (!is_positive(a.peak.value())) return wrong(of + "peak", a.peak.value(), positive);
  if (!is_positive(a.memory_rate.value()))
    return wrong(of + "memory rate", a.memory_rate.value(), positive);
  if (!is_positive(a.memory.value())) return wrong(of + "memory", a.memory.value(), positive);
  if (!is_positive(a.scale_up.value())) return wrong(of + "scale-up", a.scale_up.value(), positive);
  if (!is_positive(a.power.value())) return wrong(of + "power", a.power.value(), positive);
  if (!is_positive(a.rated_power.value()))
    return wrong(of + "rated power", a.rated_power.value(), positive);
  if (a.multiprocessors < 1) return wrong(of + "multiprocessors", a.multiprocessors, positive);
  if (a.per_node < 1 || a.per_node > per_node_max)
    return wrong(of + "devices of a node", a.per_node, "1 to " + std::to_string(per_node_max));
  if (!is_positive(type.network.node_rate.value()))
    return wrong(of + "node rate", type.network.node_rate.value(), positive);
  return Ok{};
}

Result<> check_supply(const FleetSite& site) {
  const std::string of = "site " + site.name + ": ";
  const SiteSupply& supply = site.supply;
  const auto is_none = [](double value) { return !(value >= 0) || !std::isfinite(value); };
  constexpr double pue_max = 10;
  if (!(supply.pue >= 1 && supply.pue <= pue_max)) return wrong(of + "pue", supply.pue, "1 to 10");
  if (is_none(supply.price.value()))
    return wrong(of + "price of energy", supply.price.value() * 3.6e6, ">= 0", " $/kWh");
  if (supply.carbon && is_none(*supply.carbon))
    return wrong(of + "carbon", *supply.carbon * 3.6e9, ">= 0", " g/kWh");
  if (supply.limit && !is_positive(supply.limit->value()))
    return wrong(of + "power", supply.limit->value(), "> 0", " W");
  for (const Pool& pool : site.pools) {
    if (pool.price && is_none(pool.price->value()))
      return wrong(of + "price of a device", pool.price->value() * 3600, ">= 0", " $/h");
    for (const Pool& other : site.pools)
      if (other.type == pool.type && other.price != pool.price)
        return Error{Errc::invalid, of + "two prices of devices of one type, want one"};
  }
  return Ok{};
}

}  // namespace

std::optional<DollarsPerSecond> price_of(const Fleet& fleet, std::uint32_t site,
                                         std::uint32_t type) {
  for (const Pool& pool : fleet.sites[site].pools)
    if (pool.type == type && pool.price) return pool.price;
  return fleet.types[type].price;
}

Result<> check(const Fleet& fleet) {
  if (fleet.types.size() > types_max)
    return wrong("fleet: kinds of accelerators", static_cast<double>(fleet.types.size()),
                 "at most " + std::to_string(types_max));
  for (const DeviceType& type : fleet.types) AXS_TRY(check_type(type));
  std::uint64_t devices = 0;
  for (const FleetSite& site : fleet.sites) AXS_TRY(check_supply(site));
  for (const FleetSite& site : fleet.sites)
    for (const Pool& pool : site.pools) {
      if (pool.type >= fleet.types.size())
        return wrong("site " + site.name + ": type", pool.type,
                     "one of " + std::to_string(fleet.types.size()));
      devices += pool.devices;
      if (devices > devices_max)
        return wrong("fleet: devices", static_cast<double>(devices),
                     "at most " + std::to_string(devices_max));
    }
  for (const Seconds lasts : fleet.spells)
    if (!is_positive(lasts.value()))
      return wrong("forecast of links: spell", lasts.value(), "> 0", " s");
  for (const SiteLink& link : fleet.links) {
    const std::size_t spells = std::max<std::size_t>(fleet.spells.size(), 1);
    if (link.spell >= spells)
      return wrong("link: spell", link.spell, "one of " + std::to_string(spells));
    for (const std::uint32_t end : {link.from, link.to})
      if (end >= fleet.sites.size())
        return wrong("link: site", end, "one of " + std::to_string(fleet.sites.size()));
    const std::string name =
        "link " + fleet.sites[link.from].name + "-" + fleet.sites[link.to].name + ": ";
    if (!is_positive(link.rate.value()))
      return wrong(name + "rate", link.rate.value() * 8e-9, "> 0", " Gb/s");
    if (!(link.round_trip.value() >= 0) || !std::isfinite(link.round_trip.value()))
      return wrong(name + "round trip", link.round_trip.value(), ">= 0", " s");
  }
  return Ok{};
}

}  // namespace axs::plan
