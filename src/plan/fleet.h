#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "axs/core/result.h"
#include "axs/plan/machine.h"

namespace axs::plan {

/// A kind of device, and what joins its nodes wherever there are some.
struct DeviceType {
  Accelerator accelerator;
  Network network;
};

/// Devices of one type at one site.
struct Pool {
  std::uint32_t type = 0;  ///< which of the fleet's types
  std::uint32_t devices = 0;
};

struct FleetSite {
  std::string name;
  std::string jurisdiction;
  std::vector<Pool> pools;
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
  std::vector<Seconds> spells;
};

/// An error that names the first thing of the fleet that cannot be.
Result<> check(const Fleet& fleet);

}  // namespace axs::plan
