#pragma once

namespace axs::plan {

/// By so much bounds give way: nothing that may still be the best is left out because of rounding.
inline constexpr double rounding = 1e-9;

}  // namespace axs::plan
