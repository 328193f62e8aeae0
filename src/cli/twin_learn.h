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
  /// `data`: the corpus, empty for the default one. The workers' states and logs go into `folder`,
  /// empty for one that is gone afterwards. Errc::invalid for a scenario that is not trained so.
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

  std::optional<ScratchFolder> scratch_;
  std::vector<std::shared_ptr<RealWorker>> workers_;
  Learned learned_;
};

nlohmann::ordered_json as_json(const Learned& learned);
/// The losses of all sites beside each other, over the time of the run.
std::string as_text(const Learned& learned);

}  // namespace axs::cli
