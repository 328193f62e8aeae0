#pragma once

#include "axs/plan/published_run.h"

/// What the words of a table say of the software behind a run.
namespace axs::plan {

/// "full", "selective", "every layer", as people write that; nothing if the words tell nothing.
Result<std::optional<Recompute>> recompute_told(const std::string& text);
Result<Precision> precision_told(const std::string& text);

/// The facts that hold for a source.
const SoftwareFacts& software_of(const std::string& source, const Facts& facts);
/// What source, notes, precision and accelerator tell of the software.
Software software_told(const PublishedRun& run, const SoftwareFacts& facts,
                       const Accelerator& accelerator);

/// Blocks side by side and sliding windows are in no column. Where notes do not say how wide the
/// windows are, half of the sequence is assumed.
void refine_shape(const PublishedRun& run, const SoftwareFacts& facts, ModelShape& shape);

}  // namespace axs::plan
