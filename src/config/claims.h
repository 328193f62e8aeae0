#pragma once

#include <string_view>
#include <vector>

#include "axs/audit/claim.h"
#include "axs/core/result.h"

namespace axs::config {

/// The text of catalog/claims.toml. An error names the claim, the key, what was seen and what was
/// wanted.
Result<std::vector<audit::Claim>> parse_claims(std::string_view text);

/// The file as it was when the program was built; it is inside it.
std::string_view shipped_claims();

}  // namespace axs::config
