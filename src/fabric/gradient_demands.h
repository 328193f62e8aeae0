#pragma once

#include <cstdint>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/net/gradient_demand.h"

namespace axs::fabric {

/// What a site's contribution to one outer synchronisation is expected to have: bytes of one
/// fragment of the model, encoded.
std::uint64_t contribution_bytes(const catalog::Scenario& scenario);

/// What the job asks of the network: in outer synchronisation each site sends its contribution to
/// every other one. Nothing for exchanges of every step: around their ring goes a small piece at a
/// time.
std::vector<net::GradientDemand> gradient_demands(const catalog::Scenario& scenario);

}  // namespace axs::fabric
