#include "axs/live/event_log.h"

#include <filesystem>
#include <fstream>

#include "axs/host/temporary_folder.h"
#include "axs/live/run_testing.h"

using namespace axs;
using namespace axs::live;
using namespace axs::live::testing;

namespace {

std::uint64_t lines_in(const std::string& path) {
  std::ifstream file{path};
  std::uint64_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

catalog::FactOrigin at(std::int64_t s) {
  return {"r1", "sfo", Instant{} + seconds(s)};
}

catalog::LinkTraffic traffic_from(const std::string& site) {
  catalog::LinkTraffic traffic;
  traffic.link = "a-b";
  traffic.from = site;
  return traffic;
}

}  // namespace

TEST_CASE("event log: what is repeated every second grows with the logarithm of the time") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "events.jsonl";
  EventLog log = must(EventLog::open(path));
  std::uint64_t after_an_hour = 0;
  for (std::int64_t s = 0; s < 100 * 3'600; ++s) {
    must(log.write(at(s), catalog::Progress{}));
    must(log.write(at(s), traffic_from("a")));
    must(log.write(at(s), traffic_from("b")));
    if (s == 3'600) after_an_hour = lines_in(path);
  }
  const std::uint64_t series = 3;
  CHECK(after_an_hour > series * EventLog::series_points);
  // From one hour to a hundred: ln(100) = 4.6 times the points of a series.
  CHECK(lines_in(path) < after_an_hour + series * 5 * EventLog::series_points);
  CHECK(lines_in(path) + log.left_out() == series * 100 * 3'600);
}

TEST_CASE("event log: a full one takes only how the run ended, whoever filled it") {
  const host::TemporaryFolder folder;
  const std::string path = folder / "events.jsonl";
  EventLog log = must(EventLog::open(path)), other = must(EventLog::open(path));
  must(log.write(at(1), catalog::SyncClosed{1, 3, {}}));
  std::filesystem::resize_file(path, EventLog::size_max);
  must(other.write(at(2), catalog::SyncClosed{2, 3, {}}));  // It has not looked yet.
  const auto size = std::filesystem::file_size(path);
  CHECK(size > EventLog::size_max);
  must(other.write(at(3), catalog::SyncClosed{3, 3, {}}));
  must(other.write(at(3), catalog::Progress{}));
  CHECK(std::filesystem::file_size(path) == size);
  CHECK(other.left_out() == 2);
  must(other.write(at(4), catalog::SiteFinished{7}));
  CHECK(std::filesystem::file_size(path) > size);
}
