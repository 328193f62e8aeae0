#pragma once

#include <string_view>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"

namespace axs::catalog {

/// A model that scenarios may name: "llama-1m" (1.0 M parameters, context 128), "llama-shakespeare"
/// (the shape of nanoGPT's CPU recipe: 4 layers, 4 heads, width 128, context 64, 0.8 M parameters),
/// "llama-10m", and published ones, which are planned but not trained by our own workers. The error
/// of another name lists them.
Result<Model> model_preset(std::string_view name);

}  // namespace axs::catalog
