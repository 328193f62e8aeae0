#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/plan/machine.h"
#include "axs/plan/prices.h"

namespace axs::plan {

/// A kind of device, and what joins its nodes wherever there are some.
struct DeviceType {
  Accelerator accelerator;
  Network network;
  /// For rent, where a site does not say. Empty: nobody has printed one.
  std::optional<DollarsPerSecond> price{};
};

/// Devices of one type at one site.
struct Pool {
  std::uint32_t type = 0;  ///< which of the fleet's types
  std::uint32_t devices = 0;
  std::optional<DollarsPerSecond> price{};  ///< of a device here; all pools of a type have the same
};

/// Where the energy of a site comes from.
struct SiteSupply {
  double pue = 1.2;                ///< energy of the site over that of its machines
  DollarsPerJoule price{};         ///< 0 where the price of the devices has it
  std::optional<double> carbon{};  ///< kg of CO2 for a joule; empty: nobody has said
  std::optional<Watts> limit{};    ///< that all machines in use may draw, cooling with them
};

struct FleetSite {
  std::string name;
  std::string jurisdiction;
  std::vector<Pool> pools;
  SiteSupply supply{};

  bool has_devices() const {
    return std::ranges::any_of(pools, [](const Pool& pool) { return pool.devices > 0; });
  }
};

/// Both ways, between two of the fleet's sites, in one spell of the forecast.
struct SiteLink {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  BytesPerSecond rate{};
  Seconds round_trip{};
  std::uint32_t spell = 0;  ///< which of the fleet's
};

/// What a job may run on.
struct Fleet {
  std::vector<DeviceType> types;
  std::vector<FleetSite> sites;
  std::vector<SiteLink> links;
  /// How long each spell of the forecast of links lasts; empty: they stay as they are. Two sites
  /// without a link in a spell exchange nothing then.
  std::vector<Seconds> spells{};
};

/// Of a device of a type at a site. Empty: neither the site nor the type has a price.
std::optional<DollarsPerSecond> price_of(const Fleet& fleet, std::uint32_t site,
                                         std::uint32_t type);

/// An error that names the first thing of the fleet that cannot be.
Result<> check(const Fleet& fleet);

}  // namespace axs::plan
