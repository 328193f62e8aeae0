#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/cli/patience.h"
#include "axs/live/lockstep_worker.h"
#include "axs/twin/worker.h"

namespace axs::cli {

/// The bytes of what workers have captured, by sync and hash, as long as one of them may need them.
class Contributions {
 public:
  explicit Contributions(std::size_t sites) : saved_(sites) {}

  /// Keeps the bytes of a capture, which `blob` begins with, and returns the rest.
  Result<ByteView> keep(const train::SiteSync::Captured& captured, ByteView blob);
  /// Those of a decision, one after the other.
  Result<ByteVector> bytes_of(train::SyncId sync,
                              const std::vector<train::Contribution>& members) const;
  /// A worker of that site never asks again for a sync below.
  void saved(SiteId site, train::SyncId applied);

 private:
  std::map<train::SyncId, std::map<Hash256, ByteVector>> bytes_;
  std::vector<train::SyncId> saved_;  ///< By site.
};

/// An axs-worker behind the twin's worker: the numbers are real, the time is the twin's. A new
/// process begins with what the one before has saved, as after a kill in a live run.
class RealWorker final : public twin::Worker {
 public:
  struct Config {
    std::string name;  ///< Of the site, for errors.
    live::WorkerLauncher launch;
    train::Begin begin;
    std::shared_ptr<Contributions> contributions;
    std::shared_ptr<Patience> patience;  ///< Once it is over, the worker fails.
  };
  RealWorker(Config config, const twin::WorkerSpeed& speed)
      : Worker{speed}, config_{std::move(config)} {}

  void start() override;
  Result<train::SiteSync::WorkerReady> ready() override;
  void order(const train::SiteSync::Capture& capture) override;
  void foresee(const train::SiteSync::Foresee& foresee) override;
  Result<train::SiteSync::Applied> apply(const train::SiteSync::Apply& apply) override;
  Work next_work() const override;
  void begin(Work work) override;
  Result<std::optional<train::SiteSync::Captured>> end(Work work) override;
  std::uint64_t position() const override { return process_->paused().tokens; }
  double take_loss() override;

  /// Once the run is over: asks for the validation loss of what all sites share.
  void ask_evaluation(bool whole) { tell(train::Evaluate{whole}); }
  /// Goes on with that; the outcome once it is there.
  Result<std::optional<train::Evaluated>> evaluate();

 private:
  void tell(const train::ToWorker& message, ByteView blob = {});
  /// Waits until all that it was told is done.
  Result<> settle();
  /// What it was just told must have made it say a T.
  template <class T>
  Result<std::pair<T, ByteVector>> answer();
  Result<> fail(const Error& error);

  Config config_;
  std::unique_ptr<live::LockstepWorker> process_;
  std::optional<Error> failure_;
  double loss_sum_ = 0;
  std::uint64_t steps_ = 0;
};

/// One per site, with its state and its log in `folder`/sites/<name>, until `patience` is over.
Result<std::vector<std::shared_ptr<RealWorker>>> real_workers(
    const catalog::Scenario& scenario, const std::vector<twin::WorkerSpeed>& speeds,
    const std::string& data, const std::string& folder, const std::shared_ptr<Patience>& patience);

/// The validation loss at each site, over the whole validation text.
Result<std::vector<train::Evaluated>> evaluate(
    const std::vector<std::shared_ptr<RealWorker>>& workers);

}  // namespace axs::cli
