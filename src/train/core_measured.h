#pragma once

#include <cstdint>
#include <vector>

namespace axs::train {

/// How long the parts of a layer take on one core, forward and backward, in seconds.
struct LayerMeasured {
  std::uint32_t width{};
  std::uint32_t heads{};
  std::uint32_t hidden{};
  std::uint32_t context{};
  std::uint32_t sequences{};
  double products{};
  double attention{};
  double pointwise{};  ///< norms, gates and residuals
  double step_end{};   ///< of its parameters: mean of the gradient, update, hash
};

/// What a worker measures of the core that it runs on: parts of layers, and no step of any model.
/// `axs-worker --measure` prints it as JSON.
struct CoreMeasured {
  std::vector<LayerMeasured> layers;
  double calls{};  ///< seconds of a layer so small that calling its parts is all there is
};

}  // namespace axs::train
