#include "axs/learn/outer_fragment.h"

#include <algorithm>
#include <bit>
#include <string>

#include "axs/codec/gradient_codec.h"
#include "axs/core/assert.h"

namespace axs::learn {

namespace {

/// Its upper 16 bits, which bf16 has: of a message of floats the others then take next to nothing.
float half_of(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0xffff0000u);
}

}  // namespace

OuterFragment::OuterFragment(train::Fragment ranges, std::span<const float> flat,
                             std::uint32_t bits)
    : ranges_{std::move(ranges)}, bits_{bits}, shared_(train::fragment_size(ranges_)) {
  train::gather(flat, ranges_, shared_);
  for (auto* values :
       {&momentum_, &residual_, &sent_, &residual_after_, &basis_, &merged_, &before_})
    values->resize(shared_.size());
}

Result<> OuterFragment::capture(std::span<const float> flat) {
  train::gather(flat, ranges_, sent_);
  train::pseudo_gradient(shared_, sent_, merged_);
  residual_after_ = residual_;
  basis_ = sent_;
  codes_.clear();
  return encode();
}

/// What merged_ and residual_after_ are together; what the codes cannot say stays in the latter.
Result<> OuterFragment::encode() {
  if (bits_ == 4) return codec::encode_quant4(merged_, residual_after_, codes_);
  for (std::size_t i = 0; i < merged_.size(); ++i) {
    const float whole = merged_[i] + residual_after_[i];
    merged_[i] = half_of(whole);
    residual_after_[i] = whole - merged_[i];
  }
  return codec::encode_fp32(merged_, codes_);
}

Result<> OuterFragment::merge(std::span<const Part> parts, const train::OuterRule& rule, Own own,
                              std::span<float> flat) {
  (void)AXS_TRY(sum(parts));
  before_ = shared_;
  train::outer_step(shared_, momentum_, merged_, rule);
  carry_over(own, flat);
  if (own != Own::captured) return Ok{};
  residual_.swap(residual_after_);
  codes_.clear();
  return Ok{};
}

/// As train::merge, but straight from the codes.
Result<> OuterFragment::sum(std::span<const Part> parts) {
  std::uint64_t total = 0;
  for (const Part& part : parts) total += part.tokens;
  std::ranges::fill(merged_, 0.0F);
  for (const Part& part : parts) {
    const auto header = AXS_TRY(codec::read_gradient_header(part.codes));
    if (header.count != merged_.size())
      return Error{Errc::corrupt, "codes of " + std::to_string(header.count) + " values, want " +
                                      std::to_string(merged_.size())};
    const double share = static_cast<double>(part.tokens) / static_cast<double>(total);
    (void)AXS_TRY(codec::accumulate_gradient(part.codes, static_cast<float>(share), merged_));
  }
  return Ok{};
}

Result<> OuterFragment::foresee(std::span<const Part> parts, const train::OuterRule& rule,
                                std::span<float> flat) {
  AXS_ASSERT(captured());
  (void)AXS_TRY(sum(parts));
  before_ = shared_;
  std::vector<float> momentum = momentum_;
  train::outer_step(before_, momentum, merged_, rule);
  adopt(before_, basis_, flat);
  basis_ = before_;
  return Ok{};
}

void OuterFragment::drop_capture(std::span<float> flat) {
  if (captured() && basis_ != sent_) adopt(sent_, basis_, flat);
  codes_.clear();
}

void OuterFragment::carry_over(Own own, std::span<float> flat) {
  if (own == Own::forgotten) {
    basis_ = sent_;  // Nothing is left in `flat` of what may have been foreseen.
    return scatter_shared(flat);
  }
  if (own == Own::captured) return adopt(shared_, basis_, flat);
  if (!captured()) return adopt(shared_, before_, flat);
  if (basis_ != sent_) adopt(sent_, basis_, flat);
  adopt(shared_, before_, flat);
  // A later capture of this site rests on the parameters of before.
  train::adopt(shared_, before_, sent_);
  basis_ = sent_;
}

/// The site's own parameters go on from `values`, as far as they had come from `basis`.
void OuterFragment::adopt(std::span<const float> values, std::span<const float> basis,
                          std::span<float> flat) {
  std::vector<float> local(values.size());
  train::gather(flat, ranges_, local);
  train::adopt(values, basis, local);
  train::scatter(local, ranges_, flat);
}

std::vector<std::span<float>> OuterFragment::saved_values() {
  return {shared_, momentum_, residual_};
}

std::vector<std::span<float>> OuterFragment::captured_values() {
  return {sent_, residual_after_, basis_};
}

}  // namespace axs::learn
