#pragma once

#include <string>

#include "axs/record/ledger.h"
#include "axs/report/run_data.h"

/// The parts of the page that are text and tables: whole without any script.
namespace axs::report {

std::string heading(const RunData& run);
std::string tiles(const RunData& run, const record::Ledger& ledger);
/// The kinds of ways that the run's links and routes have.
std::string kinds_legend(const RunData& run);
std::string routes_timeline(const RunData& run);
std::string faults_table(const RunData& run);
/// Why traffic took another way, each time.
std::string reroutes_table(const RunData& run);
std::string transfers_table(const RunData& run);
/// What bulk had leased of spare capacity, and why.
std::string leases_table(const RunData& run);
std::string links_table(const RunData& run);
std::string bytes_table(const RunData& run);
std::string energy_table(const RunData& run);
std::string prediction_table(const RunData& run);
std::string ledger_section(const record::Ledger& ledger);
std::string repeat_section(const RunData& run);

}  // namespace axs::report
