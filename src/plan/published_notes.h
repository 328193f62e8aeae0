#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "axs/core/units.h"

/// Numbers in the words of a table.
namespace axs::plan {

/// The number that ends before a place of the text; 0 if none does, or there is no such place.
std::uint32_t number_before(const std::string& text, std::size_t place);
/// The one after a word and a space, sign or "of"; 0 if there is none.
std::uint32_t number_after(const std::string& text, std::string_view word);

struct ToldNetwork {
  BytesPerSecond node_rate;
  std::optional<std::uint32_t> rails;
};
/// "800 Gb/s inter-node", "4 x 200 Gbps per node": no column has the network of a node. What does
/// not read as plainly as that counts for nothing.
std::optional<ToldNetwork> network_told(const std::string& notes);

}  // namespace axs::plan
