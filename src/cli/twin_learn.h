#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "axs/catalog/facts.h"
#include "axs/cli/real_workers.h"
#include "axs/cli/scratch_folder.h"

namespace axs::cli {

/// What a twin's run has taught the model.
struct Learned {
  struct Report {
    double at_s = 0;  ///< By the site's clock.
    std::uint64_t tokens = 0;
    double loss = 0;  ///< Mean over the steps since the report before.
  };
  struct Site {
    std::string name;
    std::vector<Report> curve{};
    train::Evaluated validation{};
  };
  std::vector<Site> sites;
};

/// The training of `axs twin --learn`: an axs-worker at each site.
class Learning {
 public:
  /// Before anything is made: Errc::invalid for a scenario that is not trained so, and for text
  /// that cannot be trained on. `data`: the corpus, empty for the default one.
  static Result<> check(const catalog::Scenario& scenario, const std::string& data);

  /// Of what passes check(). The workers' states and logs go into `folder`, empty for one that is
  /// gone afterwards, also where SIGINT, SIGTERM or SIGHUP ends the run. Create it before any
  /// thread.
  static Result<Learning> create(const catalog::Scenario& scenario,
                                 const std::vector<twin::WorkerSpeed>& speeds,
                                 const std::string& data, const std::string& folder);

  /// For the twin.
  std::vector<std::shared_ptr<twin::Worker>> workers() const {
    return {workers_.begin(), workers_.end()};
  }
  /// What the twin notes.
  void hear(const catalog::FactOrigin& origin, const catalog::Fact& fact);
  /// After the run; it evaluates what the sites have come to.
  Result<Learned> conclude();

 private:
  Learning() = default;

  std::shared_ptr<Patience> patience_;  ///< Outlives the folder: more signals wait for it to go.
  std::optional<ScratchFolder> scratch_;
  std::vector<std::shared_ptr<RealWorker>> workers_;
  Learned learned_;
};

nlohmann::ordered_json as_json(const Learned& learned);
/// The losses of all sites beside each other, over the time of the run.
std::string as_text(const Learned& learned);

}  // namespace axs::cli
