#pragma once

#include <compare>
#include <cstdint>

namespace axs {

/// A number that names one thing of one kind; ids of different kinds do not mix.
template <class Kind>
struct Id {
  std::uint32_t value{};
  constexpr auto operator<=>(const Id&) const = default;
};

using SiteId = Id<struct SiteTag>;
using LinkId = Id<struct LinkTag>;

}  // namespace axs
