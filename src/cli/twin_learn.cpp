#include "axs/cli/twin_learn.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "axs/cli/corpus.h"

namespace axs::cli {
namespace {

constexpr int rows = 10;

/// The last report of a site until then, as text.
std::string loss_at(const Learned::Site& site, double at_s) {
  const auto after = std::ranges::upper_bound(site.curve, at_s, {}, &Learned::Report::at_s);
  return after == site.curve.begin() ? "-" : fmt::format("{:.4f}", std::prev(after)->loss);
}

}  // namespace

Result<> Learning::check(const catalog::Scenario& scenario, const std::string& data) {
  if (scenario.train.sync == catalog::SyncMode::every_step)
    return Error{Errc::invalid, "--learn: " + scenario.name +
                                    " trains with sync = \"every-step\", want \"outer\""};
  return data.empty() ? Result<>{Ok{}} : check_corpus(data, "--data");
}

Result<Learning> Learning::create(const catalog::Scenario& scenario,
                                  const std::vector<twin::WorkerSpeed>& speeds,
                                  const std::string& data, const std::string& folder) {
  const std::string corpus = data.empty() ? "" : std::filesystem::absolute(data).string();
  Learning learning;
  learning.patience_ = std::make_shared<Patience>(AXS_TRY(Patience::create(std::nullopt)));
  if (folder.empty()) learning.scratch_.emplace(AXS_TRY(ScratchFolder::create_temporary()));
  const std::string path = folder.empty() ? learning.scratch_->path() : folder;
  learning.workers_ = AXS_TRY(real_workers(scenario, speeds, corpus, path, learning.patience_));
  for (const auto& site : scenario.sites) learning.learned_.sites.push_back({site.name});
  return learning;
}

void Learning::hear(const catalog::FactOrigin& origin, const catalog::Fact& fact) {
  const auto* progress = std::get_if<catalog::Progress>(&fact);
  if (progress == nullptr || !std::isfinite(progress->loss)) return;
  const auto site = std::ranges::find(learned_.sites, origin.site, &Learned::Site::name);
  site->curve.push_back({(origin.at - Instant{}).seconds(), progress->tokens, progress->loss});
}

Result<Learned> Learning::conclude() {
  const auto evaluated = AXS_TRY(evaluate(workers_));
  for (std::size_t i = 0; i < evaluated.size(); ++i) learned_.sites[i].validation = evaluated[i];
  return learned_;
}

nlohmann::ordered_json as_json(const Learned& learned) {
  auto sites = nlohmann::ordered_json::array();
  for (const Learned::Site& site : learned.sites) {
    auto curve = nlohmann::ordered_json::array();
    for (const Learned::Report& report : site.curve)
      curve.push_back({{"at_s", report.at_s}, {"tokens", report.tokens}, {"loss", report.loss}});
    sites.push_back({{"site", site.name},
                     {"validation_loss", site.validation.loss},
                     {"validation_tokens", site.validation.tokens},
                     {"curve", std::move(curve)}});
  }
  return sites;
}

std::string as_text(const Learned& learned) {
  double end = 0;
  std::string text = "loss    ";
  for (const Learned::Site& site : learned.sites) {
    text += fmt::format(" {:>10}", site.name);
    if (!site.curve.empty()) end = std::max(end, site.curve.back().at_s);
  }
  for (int row = 1; row <= rows; ++row) {
    const double at_s = end * row / rows;
    text += fmt::format("\n{:>6.1f} s", at_s);
    for (const Learned::Site& site : learned.sites)
      text += fmt::format(" {:>10}", loss_at(site, at_s));
  }
  text += "\nvalidated";
  for (const Learned::Site& site : learned.sites)
    text += fmt::format("{}{:.4f}", &site == &learned.sites.front() ? "    " : "     ",
                        site.validation.loss);
  return text + "\n";
}

}  // namespace axs::cli
