#include "axs/cli/metrics.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "axs/catalog/metrics.h"
#include "axs/cli/ledger.h"
#include "axs/host/file.h"

namespace axs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t page_size_max = std::size_t{16} << 20;

/// Those of the run's own processes, then those of the sites.
std::vector<std::string> pages_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator{folder, absent})
    if (entry.path().extension() == ".prom") paths.push_back(entry.path().string());
  for (const auto& site : fs::directory_iterator{fs::path{folder} / "sites", absent})
    if (fs::exists(site.path() / "metrics.prom", absent))
      paths.push_back((site.path() / "metrics.prom").string());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

void MetricsCommand::declare(CLI::App& app) {
  app.add_option("run", run_name, "The run: its folder or its id")->required();
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  app.footer(
      "Every process of a run writes its own page once a second: *.prom in the run's folder and\n"
      "sites/*/metrics.prom, for the textfile collector of Prometheus' node_exporter.\n"
      "Examples:\n"
      "  axs metrics three-continents-20251008T120000Z\n"
      "  axs metrics runs/three-continents-20251008T120000Z | promtool check metrics");
}

Result<ExitCode> MetricsCommand::run() {
  const std::string folder = run_folder(run_name, runs);
  std::vector<std::string> pages;
  for (const std::string& path : pages_in(folder)) {
    const ByteVector page = AXS_TRY(host::read_file(path, page_size_max));
    pages.emplace_back(page.begin(), page.end());
  }
  if (pages.empty())
    return Error{Errc::invalid,
                 fmt::format("{}: no metrics in it, want the folder of a live run", folder)};
  fmt::print("{}", catalog::merge_metrics(pages));
  return ExitCode::done;
}

}  // namespace axs::cli
