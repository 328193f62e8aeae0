#pragma once

#include <span>
#include <string>

#include "axs/core/result.h"
#include "axs/learn/model_shape.h"

namespace axs::learn {

/// Writes model.safetensors, config.json, tokenizer.json and tokenizer_config.json into the folder,
/// which is made if it is missing: the Llama layout that the `transformers` package loads. Token n
/// is byte n.
Result<> export_model(const std::string& folder, const ModelShape& shape,
                      std::span<const float> parameters);

}  // namespace axs::learn
