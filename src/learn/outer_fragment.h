#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "axs/core/result.h"
#include "axs/core/wire.h"
#include "axs/train/fragments.h"
#include "axs/train/outer.h"

namespace axs::learn {

/// One fragment of the model in the outer loop: the parameters that all sites share, their
/// momentum, and what this site's codes could not say so far; and, between a capture and its
/// decision, what was captured.
class OuterFragment {
 public:
  /// Shares the values that `flat`, the whole model, begins with. A capture has so many bits for
  /// each, 4 or 16, before entropy coding.
  OuterFragment(train::Fragment ranges, std::span<const float> flat, std::uint32_t bits = 4);

  /// Encodes how far the site's own parameters are from the shared ones. Errc::invalid if a value
  /// is not finite; then nothing has changed.
  Result<> capture(std::span<const float> flat);
  bool captured() const { return !codes_.empty(); }
  /// The encoded bytes of what was captured.
  ByteView codes() const { return codes_; }
  /// It will not be merged: its values go into the next capture.
  void drop_capture(std::span<float> flat);

  /// What a site puts into a merge.
  struct Part {
    std::uint64_t tokens{};
    ByteView codes;
  };
  /// captured: what this site captured is among the parts; none: this site has no part; forgotten:
  /// it has one, of an earlier life, of which nothing else is left.
  enum class Own { captured, none, forgotten };
  /// Merges at least one part, in the order given, steps the shared parameters, and carries the
  /// site's own ones in `flat` over: it keeps what it did since (train::adopt). On an error, which
  /// says what is wrong with the codes, nothing has changed.
  Result<> merge(std::span<const Part> parts, const train::OuterRule& rule, Own own,
                 std::span<float> flat);

  /// Carries the site's own parameters in `flat` over to what a merge of these parts would give,
  /// before it is decided; there must be a capture. Nothing that the sites share changes, and the
  /// merge() or drop_capture() that follows takes back what did not come true.
  Result<> foresee(std::span<const Part> parts, const train::OuterRule& rule,
                   std::span<float> flat);

  /// The parameters that all sites share, in the order of the ranges.
  std::span<const float> shared() const { return shared_; }
  /// Puts them into their place in the whole model.
  void scatter_shared(std::span<float> flat) const { train::scatter(shared_, ranges_, flat); }

  /// What must be saved at any time,
  std::vector<std::span<float>> saved_values();
  /// and, while there is a capture, these and its codes, unless it can be made again.
  std::vector<std::span<float>> captured_values();
  void restore_codes(ByteView codes) { codes_.assign(codes.begin(), codes.end()); }

 private:
  Result<> sum(std::span<const Part> parts);
  Result<> encode();
  void carry_over(Own own, std::span<float> flat);
  void adopt(std::span<const float> values, std::span<const float> basis, std::span<float> flat);

  train::Fragment ranges_;
  std::uint32_t bits_;
  std::vector<float> shared_, momentum_, residual_;
  std::vector<float> sent_;            ///< The site's own parameters at the capture.
  std::vector<float> residual_after_;  ///< The residual if the capture is merged.
  std::vector<float> basis_;  ///< What the own parameters go on from: sent_, or what was foreseen.
  ByteVector codes_;
  std::vector<float> merged_, before_;  ///< Only within merge().
};

}  // namespace axs::learn
