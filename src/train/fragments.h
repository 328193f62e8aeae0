#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "axs/core/result.h"

/// A model's parameters lie in one flat buffer; a fragment is the part of it that is synchronised
/// at one time.
namespace axs::train {

/// One tensor in the flat buffer; tensors follow each other without a gap in the order of the list.
struct ParameterTensor {
  std::string name;
  std::size_t size{};                  ///< Number of values.
  std::optional<std::uint32_t> layer;  ///< None for embeddings, the last norm and the head.
};

/// Values [begin, begin + size) of the flat buffer.
struct FlatRange {
  std::size_t begin{};
  std::size_t size{};
  bool operator==(const FlatRange&) const = default;
};

/// The ranges of one fragment, ascending and merged where they touch.
using Fragment = std::vector<FlatRange>;

std::size_t fragment_size(const Fragment& fragment);

/// Deals the layers out in turn (layer l to fragment l mod count), the strided pattern of Streaming
/// DiLoCo (Douillard et al. 2025, arXiv:2501.18512 section 2.2), then every other tensor, largest
/// first, to the smallest fragment so far. Every value is in exactly one fragment. Error if count
/// is 0 or above the number of layers.
Result<std::vector<Fragment>> split_into_fragments(std::span<const ParameterTensor> tensors,
                                                   std::size_t count);

/// Copies the values of a fragment from the flat buffer into `out`, in the order of its ranges.
void gather(std::span<const float> flat, const Fragment& fragment, std::span<float> out);

/// Copies `values`, in the order of the fragment's ranges, back into the flat buffer.
void scatter(std::span<const float> values, const Fragment& fragment, std::span<float> flat);

}  // namespace axs::train
