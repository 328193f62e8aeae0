#pragma once

#include "axs/catalog/facts.h"

namespace axs::cli {

/// What this program was built of.
catalog::BuiltFrom built_from();

}  // namespace axs::cli
