#pragma once

#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/twin/worker.h"

namespace axs::twin {

/// A worker without tensors: its contract alone. Nothing of it can fail.
class WorkerModel : public Worker {
 public:
  WorkerModel(SiteId site, const catalog::OuterRule& rule, const WorkerSpeed& speed);

  void start() override {}
  Result<train::SiteSync::WorkerReady> ready() override;
  void order(const train::SiteSync::Capture& capture) override { state_.order = capture; }
  void foresee(const train::SiteSync::Foresee&) override {}
  Result<train::SiteSync::Applied> apply(const train::SiteSync::Apply& apply) override;
  Work next_work() const override;
  void begin(Work) override {}
  Result<std::optional<train::SiteSync::Captured>> end(Work work) override;
  std::uint64_t position() const override { return state_.position; }
  double take_loss() override { return std::numeric_limits<double>::quiet_NaN(); }

 private:
  struct State {
    std::uint64_t position = 0;
    std::uint64_t captured_at = 0;
    std::vector<std::uint64_t> merged;
    train::SyncId applied;
    std::map<train::SyncId, train::Contribution> pending;
    std::optional<train::SiteSync::Capture> order;
    std::optional<std::uint64_t> stop;
  };
  bool blocked() const;
  bool too_far() const;
  train::SiteSync::Captured capture();

  SiteId site_;
  std::optional<std::uint32_t> overlap_;
  State state_;
  State saved_;
};

}  // namespace axs::twin
