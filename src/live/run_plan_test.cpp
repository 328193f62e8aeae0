#include "axs/live/run_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "axs/core/crc32c.h"
#include "axs/host/file.h"
#include "axs/host/temporary_folder.h"
#include "axs/live/enrolment_files.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// The files below `folder` that hold a private key, as paths within it.
std::vector<std::string> private_keys(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder})
    if (entry.is_regular_file() && text_of(entry.path()).find("PRIVATE KEY") != std::string::npos)
      found.push_back(std::filesystem::relative(entry.path(), folder).string());
  std::sort(found.begin(), found.end());
  return found;
}

catalog::Scenario two_sites() {
  catalog::Scenario scenario;
  for (const char* name : {"sfo", "fra"}) scenario.sites.emplace_back().name = name;
  scenario.links.push_back({.a = {0}, .b = {1}});
  return scenario;
}

}  // namespace

TEST_CASE("run plan: a new run invites its sites, and holds no key of theirs") {
  const host::TemporaryFolder parent;
  const RunFolder folder{parent / "r1"};
  const RunPlan plan = must(create_run(folder, {.scenario = two_sites()}));
  CHECK(private_keys(folder.path) ==
        std::vector<std::string>{"ca/controller/key.pem", "ca/key.pem"});
  for (const char* site : {"sfo", "fra"}) {
    const std::filesystem::path token = folder.site(site) + "/token";
    using std::filesystem::perms;
    CHECK(std::filesystem::status(token).permissions() == (perms::owner_read | perms::owner_write));
    CHECK_FALSE(enrolled(folder.site(site)));
    CHECK(std::holds_alternative<Newcomer>(must(load_identity(folder.site(site), {"r1", site}))));
  }
  CHECK(must(load_run(folder)).run == "r1");
  CHECK(agent_config(folder, plan, SiteId{0}, "worker").desk == folder.authority());
  CHECK(agent_config(folder, plan, SiteId{1}, "worker").desk.empty());
}

TEST_CASE("run plan: a run that is taken up again invites who still has no certificate") {
  const host::TemporaryFolder parent;
  const RunFolder folder{parent / "r1"};
  RunPlan plan = must(create_run(folder, {.scenario = two_sites()}));
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  const auto newcomer = [&](const std::string& site) {
    return std::get<Newcomer>(must(load_identity(folder.site(site), {"r1", site})));
  };
  const Newcomer fra = newcomer("fra");
  {
    StoredDesk desk = must(StoredDesk::open(folder.authority()));
    const Credentials sfo = must(enrol_at(desk, newcomer("sfo"), now));
    must(save_credentials(folder.site("sfo"), sfo));
    // It is killed before it can save this.
    must(enrol_at(desk, fra, now));
  }
  must(renew_run(folder, plan, Instant{}));
  CHECK_FALSE(std::filesystem::exists(folder.site("sfo") + "/token"));
  const Newcomer again = newcomer("fra");
  CHECK(again.token.secret != fra.token.secret);
  CHECK(again.key == fra.key);
  // Both tokens work for that key: the new one may not have been written any more.
  StoredDesk desk = must(StoredDesk::open(folder.authority()));
  CHECK(enrol_at(desk, fra, now));
  CHECK(enrol_at(desk, again, now));
}

TEST_CASE("run plan: a run that can be resumed has the beginning of its record") {
  const host::TemporaryFolder parent;
  const RunFolder folder{parent / "r1"};
  catalog::RunStarted started;
  started.tokens = 7;
  must(create_run(folder, {.scenario = two_sites(), .opening = {started}}));
  const ByteVector record = must(host::read_file(folder.events(), 1 << 16));
  const std::string text{record.begin(), record.end()};
  CHECK(text.find("\"type\":\"RunStarted\"") != std::string::npos);
  CHECK(text.find("\"tokens\":7") != std::string::npos);
  CHECK(text.find("\"run\":\"r1\",\"site\":\"\",\"at\":0,") != std::string::npos);
}

TEST_CASE("run plan: X-Ray's plan stays with the run, and who starts its agents") {
  const host::TemporaryFolder parent;
  const RunFolder folder{parent / "r1"};
  const std::vector<std::vector<std::string>> launchers{{"env", "starter", "--"}, {}};
  must(create_run(folder, {.scenario = two_sites(), .planned = "{}", .launchers = launchers}));
  CHECK(text_of(folder.planned()) == "{}");
  CHECK(must(load_run(folder)).launchers == launchers);
  const RunFolder plain{parent / "r2"};
  must(create_run(plain, {.scenario = two_sites()}));
  CHECK_FALSE(std::filesystem::exists(plain.planned()));
}

TEST_CASE("run plan: one of a newer version is refused, whatever else is in it") {
  const host::TemporaryFolder folder;
  const RunFolder run{folder / "r1"};
  must(create_run(run, {.scenario = two_sites()}));
  CHECK(must(load_run(run)).scenario.sites.size() == 2);
  ByteVector bytes = to_wire(std::pair{std::uint32_t{9}, std::string{"of another form"}});
  WireWriter{bytes}.put(crc32c(bytes));
  REQUIRE(host::write_file_atomically(run.plan(), bytes, host::FileAccess::everyone));
  const auto refused = load_run(run);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::invalid);
  CHECK(refused.error().what ==
        run.plan() + ": version 9, want 8; go on with the program that began the run");
}
