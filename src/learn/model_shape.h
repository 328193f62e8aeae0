#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/result.h"
#include "axs/train/fragments.h"

namespace axs::learn {

/// Whether the output head is the token embedding itself or has a matrix of its own.
enum class Head { tied, own };

/// The sizes of a Llama-type decoder (Touvron et al. 2023, arXiv:2302.13971; grouped-query
/// attention: Ainslie et al. 2023, arXiv:2305.13245).
struct ModelShape {
  std::size_t vocabulary{256};
  std::size_t layers{};
  std::size_t width{};
  std::size_t heads{};     ///< Query heads.
  std::size_t kv_heads{};  ///< Key and value heads; each serves heads / kv_heads query heads.
  std::size_t hidden{};    ///< Width inside the SwiGLU block.
  std::size_t context{};   ///< Tokens in a sequence.
  Head head{Head::tied};
  double rope_base{10'000};
  double norm_epsilon{1e-5};

  std::size_t head_width() const { return width / heads; }
  std::size_t kv_width() const { return kv_heads * head_width(); }
  bool operator==(const ModelShape&) const = default;
};

/// The shape of a scenario's model; an Error if check_shape() refuses it.
Result<ModelShape> shape_of(const catalog::Model& model);
/// That of catalog::model_preset().
Result<ModelShape> preset_shape(std::string_view name);

/// Error if a size is 0, heads do not divide evenly, or a size does not fit the vector kernels:
/// head_width must be a multiple of 16.
Result<> check_shape(const ModelShape& shape);

/// The tensors in the order in which they lie in the flat buffer, under the names that the Llama
/// layout of `transformers` gives them. Query, key and value matrices follow each other, and so do
/// gate and up, so each group is one matrix product.
std::vector<train::ParameterTensor> parameter_tensors(const ModelShape& shape);

std::size_t parameter_count(const ModelShape& shape);

/// Rows and columns of the tensor, or {size} if it is a vector.
std::vector<std::size_t> tensor_dimensions(const ModelShape& shape,
                                           const train::ParameterTensor& tensor);

}  // namespace axs::learn
