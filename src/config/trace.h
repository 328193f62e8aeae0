#pragma once

#include <string>
#include <string_view>

#include "axs/core/result.h"
#include "axs/net/rate_trace.h"

/// What people have measured of a link, as files to be played again.
namespace axs::config {

/// One-way delays: a number of milliseconds per line, for 10 ms each. `file` names the text in
/// errors, with the line.
Result<net::DelayTrace> parse_delay_trace(std::string_view text, const std::string& file);

/// Capacities, in one of two forms. With the header "t_ms,mbit_per_s": a time and a rate per line,
/// at equal steps from 0. Without: as mahimahi has them, a millisecond per line, in order, at which
/// 1,500 bytes may leave; the last one is the length of the trace.
Result<net::CapacityTrace> parse_capacity_trace(std::string_view text, const std::string& file);

Result<net::DelayTrace> read_delay_trace(const std::string& file);
Result<net::CapacityTrace> read_capacity_trace(const std::string& file);

}  // namespace axs::config
