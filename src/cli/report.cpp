#include "axs/cli/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "axs/cli/ledger.h"
#include "axs/host/file.h"
#include "axs/record/ledger.h"
#include "axs/report/fact_reader.h"
#include "axs/report/html.h"

namespace axs::cli {

void ReportCommand::declare(CLI::App& app) {
  app.add_option("run", run_name, "The run: its folder or its id")->required();
  app.add_option("--runs", runs, "Where runs are kept")->envname("AXS_RUNS")->capture_default_str();
  app.add_option("--out", out, "The file to write; by default report.html in the run's folder");
  app.footer(
      "Examples:\n"
      "  axs report runs/three-continents-20251008T120000Z\n"
      "  axs twin scenarios/three-continents.toml --out simulated && axs report simulated");
}

Result<ExitCode> ReportCommand::run() {
  const std::string folder = run_folder(run_name, runs);
  const std::string path = out.empty() ? folder + "/report.html" : out;
  AXS_TRY(write_report(folder, path));
  fmt::print("{}\n", path);
  return ExitCode::done;
}

Result<> write_report(const std::string& folder, const std::string& path) {
  const report::RunLogs logs = AXS_TRY(report::read_run(folder));
  const record::History history = record::merge(logs.logs);
  const std::string page = report::html(report::run_data(history), record::reconcile(history));
  return host::write_output(path, page);
}

}  // namespace axs::cli
