#pragma once

#include <string_view>

#include "axs/core/result.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

/// Numbers with units as people write them in files and on the command line.
namespace axs::config {

/// "30s", "150 ms", "1.5 h"; units ns, us, ms, s, min, h, d.
Result<Duration> parse_duration(std::string_view text);
/// The same, before or after: "-1 h".
Result<Duration> parse_offset(std::string_view text);
/// "100 Mb/s", "1 Gb/s", "12.5 MB/s": decimal prefixes, b for bits and B for bytes. From 8 b/s,
/// which is a byte per second.
Result<BytesPerSecond> parse_rate(std::string_view text);
/// "3M", "1.5G", "200k", "12000": how many of something; a whole number at least 1.
Result<std::uint64_t> parse_count(std::string_view text);
/// "200 MB", "1.5 GB": decimal prefixes; a whole number of bytes, at least 1.
Result<std::uint64_t> parse_size(std::string_view text);
/// "550 km", "80 m".
Result<Meters> parse_length(std::string_view text);

/// "2 MW", "750 kW".
Result<Watts> parse_power(std::string_view text);
/// "$2M", "1500": US dollars, with the letters of parse_count.
Result<Dollars> parse_money(std::string_view text);
/// "0.12 $/kWh", "95 $/MWh": dollars for a kWh.
Result<double> parse_energy_price(std::string_view text);

}  // namespace axs::config
