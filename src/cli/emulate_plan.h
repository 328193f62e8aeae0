#pragma once

#include "axs/cli/emulate.h"

namespace axs::cli {

/// Namespaces of `axs emulate` begin with it.
inline constexpr const char* emulate_prefix = "axs-emu-";

/// Two sites, "a" and "b", joined by a link that is as somebody measured it, both ways. `files` is
/// "DELAY,CAPACITY".
Result<Emulation> measured_link(const std::string& files);

/// What the emulator is to open in a scenario's place, without the ways in.
Emulation emulation_of(catalog::Scenario scenario, std::vector<fabric::LinkPlan> links);

/// Every site a namespace with an address of its own, and one per link that it has.
Result<> use_namespaces(Emulation& emulation);
/// Every end of a link a UDP port, one after the other from `first` on; 0: any that are free.
Result<> use_ports(Emulation& emulation, std::uint16_t first);

}  // namespace axs::cli
