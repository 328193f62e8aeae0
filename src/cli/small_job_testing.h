#pragma once

#include "axs/config/facts_testing.h"
#include "axs/config/job.h"

/// For tests, and nothing outside them includes this.
namespace axs::cli::testing {

/// Two sites with two processors each, one of them with an H100 as well, and a link between them.
inline const config::PlannedJob& small_job() {
  static const config::PlannedJob job =
      *config::parse_job(R"(version = 1
name = "pair"
[model]
preset = "llama-1m"
[train]
tokens = "1M"
sequences = 12
[[site]]
name = "sfo"
at = [37.77, -122.42]
accelerators = [{ type = "cpu", count = 2 }, { type = "H100", count = 1, price = 2.5 }]
[[site]]
name = "fra"
at = [50.11, 8.68]
accelerators = [{ type = "cpu", count = 2 }]
[[link]]
between = ["sfo", "fra"]
kind = "wire"
delay = "20 ms"
rate = "1 Gb/s"
)",
                         "job.toml", config::testing::shipped_facts());
  return job;
}

}  // namespace axs::cli::testing
