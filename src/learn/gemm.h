#pragma once

#include <cstddef>

/// Matrix products on libtorch, without its headers. All matrices are fp32, row-major and dense.
namespace axs::learn {

/// Whether a product replaces what the output holds or is added to it.
enum class Store { replace, add };

/// The sizes of a product: the output is rows x columns, the inner dimension is summed over.
struct Sizes {
  std::size_t rows{};
  std::size_t columns{};
  std::size_t inner{};
};

/// out = a b^T, with a (rows, inner) and b (columns, inner): a layer's forward pass, b its weight.
void multiply_nt(const float* a, const float* b, float* out, Sizes sizes,
                 Store store = Store::replace);
/// out = a b, with a (rows, inner) and b (inner, columns): the gradient of a layer's input.
void multiply_nn(const float* a, const float* b, float* out, Sizes sizes,
                 Store store = Store::replace);
/// out = a^T b, with a (inner, rows) and b (inner, columns): the gradient of a layer's weight.
void multiply_tn(const float* a, const float* b, float* out, Sizes sizes,
                 Store store = Store::replace);

/// How many threads a product may use. One is right when workers share a machine: libtorch's
/// threads wait by spinning.
void use_threads(int count);

}  // namespace axs::learn
