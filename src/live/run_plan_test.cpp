#include "axs/live/run_plan.h"

#include "axs/core/crc32c.h"
#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

TEST_CASE("run plan: one of a newer version is refused, whatever else is in it") {
  const host::TemporaryFolder folder;
  const RunFolder run{folder / "r1"};
  catalog::Scenario scenario;
  scenario.name = "pair";
  for (const char* name : {"sfo", "fra"}) scenario.sites.emplace_back().name = name;
  must(create_run(run, scenario, ""));
  CHECK(must(load_run(run)).scenario.sites.size() == 2);
  ByteVector bytes = to_wire(std::pair{std::uint32_t{9}, std::string{"of another form"}});
  WireWriter{bytes}.put(crc32c(bytes));
  REQUIRE(host::write_file_atomically(run.plan(), bytes, host::FileAccess::everyone));
  const auto refused = load_run(run);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(refused.error().what ==
        run.plan() + ": version 9, want 1; go on with the program that began the run");
}
