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

/// The same of the job that a claim of scaling is played with, and the name of its file.
std::string_view shipped_thirds();
inline constexpr const char* thirds_file = "scenarios/thirds.toml";

}  // namespace axs::config
