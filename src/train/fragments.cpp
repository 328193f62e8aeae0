#include "axs/train/fragments.h"

#include <algorithm>
#include <set>

#include "axs/core/assert.h"

namespace axs::train {

namespace {

struct Placed {
  FlatRange range;
  std::optional<std::uint32_t> layer;
};

std::vector<Placed> place(std::span<const ParameterTensor> tensors) {
  std::vector<Placed> placed;
  std::size_t begin = 0;
  for (const auto& tensor : tensors) {
    placed.push_back({{begin, tensor.size}, tensor.layer});
    begin += tensor.size;
  }
  return placed;
}

std::size_t count_layers(std::span<const ParameterTensor> tensors) {
  std::set<std::uint32_t> layers;
  for (const auto& tensor : tensors)
    if (tensor.layer) layers.insert(*tensor.layer);
  return layers.size();
}

void deal_rest(std::vector<Placed> rest, std::vector<Fragment>& fragments) {
  std::sort(rest.begin(), rest.end(), [](const Placed& a, const Placed& b) {
    return a.range.size != b.range.size ? a.range.size > b.range.size
                                        : a.range.begin < b.range.begin;
  });
  for (const auto& tensor : rest) {
    const auto smallest = std::min_element(
        fragments.begin(), fragments.end(),
        [](const auto& a, const auto& b) { return fragment_size(a) < fragment_size(b); });
    smallest->push_back(tensor.range);
  }
}

Fragment normalised(Fragment fragment) {
  std::sort(fragment.begin(), fragment.end(),
            [](const FlatRange& a, const FlatRange& b) { return a.begin < b.begin; });
  Fragment merged;
  for (const auto& range : fragment) {
    if (!merged.empty() && merged.back().begin + merged.back().size == range.begin)
      merged.back().size += range.size;
    else
      merged.push_back(range);
  }
  return merged;
}

}  // namespace

std::size_t fragment_size(const Fragment& fragment) {
  std::size_t size = 0;
  for (const auto& range : fragment) size += range.size;
  return size;
}

Result<std::vector<Fragment>> split_into_fragments(std::span<const ParameterTensor> tensors,
                                                   std::size_t count) {
  const std::size_t layers = count_layers(tensors);
  if (count == 0 || count > layers)
    return Error{Errc::invalid, "fragments: " + std::to_string(count) + ", want 1.." +
                                    std::to_string(layers) + ", at most one per layer"};
  std::vector<Fragment> fragments(count);
  std::vector<Placed> rest;
  for (const auto& tensor : place(tensors)) {
    if (tensor.layer)
      fragments[*tensor.layer % count].push_back(tensor.range);
    else
      rest.push_back(tensor);
  }
  deal_rest(std::move(rest), fragments);
  for (auto& fragment : fragments) fragment = normalised(std::move(fragment));
  return fragments;
}

void gather(std::span<const float> flat, const Fragment& fragment, std::span<float> out) {
  AXS_ASSERT(out.size() == fragment_size(fragment));
  for (const auto& range : fragment) {
    std::ranges::copy(flat.subspan(range.begin, range.size), out.begin());
    out = out.subspan(range.size);
  }
}

void scatter(std::span<const float> values, const Fragment& fragment, std::span<float> flat) {
  AXS_ASSERT(values.size() == fragment_size(fragment));
  for (const auto& range : fragment) {
    std::ranges::copy(values.first(range.size),
                      flat.begin() + static_cast<std::ptrdiff_t>(range.begin));
    values = values.subspan(range.size);
  }
}

}  // namespace axs::train
