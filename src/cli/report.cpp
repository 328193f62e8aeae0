#include "axs/cli/report.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "axs/cli/ledger.h"
#include "axs/cli/output_of.h"
#include "axs/host/file.h"
#include "axs/record/ledger.h"
#include "axs/report/fact_reader.h"
#include "axs/report/html.h"

namespace axs::cli {
namespace {

Result<std::string> report_page(const std::string& folder) {
  const report::RunLogs logs = AXS_TRY(report::read_run(folder));
  const record::History history = record::merge(logs.logs);
  return report::html(report::run_data(history), record::reconcile(history));
}

}  // namespace

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
  const auto named = AXS_TRY(output_of("--out", out));
  const std::string folder = run_folder(run_name, runs);
  if (!named) {
    fmt::print("{}\n", AXS_TRY(write_report(folder)));
    return ExitCode::done;
  }
  const std::string page = AXS_TRY(report_page(folder));
  AXS_TRY(named->write(page));
  fmt::print("{}\n", out);
  return ExitCode::done;
}

Result<std::string> write_report(const std::string& folder) {
  const std::string page = AXS_TRY(report_page(folder));
  std::string path = folder + "/report.html";
  AXS_TRY(host::write_output(path, page));
  return path;
}

}  // namespace axs::cli
