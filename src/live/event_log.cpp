#include "axs/live/event_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "axs/host/file.h"

namespace axs::live {

namespace {

ByteView bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Which series of measurements it goes on with; empty for what is no measurement.
std::string series_of(const catalog::Fact& fact) {
  if (std::holds_alternative<catalog::Progress>(fact)) return "progress";
  if (const auto* link = std::get_if<catalog::LinkTraffic>(&fact))
    return link->link + ' ' + link->from;
  if (const auto* route = std::get_if<catalog::RouteMeasured>(&fact))
    return route->from + '>' + route->to;
  if (const auto* transfer = std::get_if<catalog::TransferProgressed>(&fact))
    return "transfer " + std::to_string(transfer->transfer);
  return {};
}

bool says_how_it_ended(const catalog::Fact& fact) {
  return std::holds_alternative<catalog::Evaluated>(fact) ||
         std::holds_alternative<catalog::Exported>(fact) ||
         std::holds_alternative<catalog::SiteFinished>(fact) ||
         std::holds_alternative<catalog::SiteStopped>(fact) ||
         std::holds_alternative<catalog::RunFinished>(fact);
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& path) {
  host::Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return host::system_error(path);
  auto size = static_cast<std::uint64_t>(status.st_size);
  char last = '\n';
  if (size > 0 && ::pread(file.get(), &last, 1, status.st_size - 1) != 1)
    return host::system_error(path);
  if (last != '\n') {
    AXS_TRY(host::write_all(file.get(), bytes_of("\n"), path));
    ++size;
  }
  return EventLog{path, std::move(file), size};
}

bool EventLog::wanted(Instant at, const catalog::Fact& fact) {
  const std::string series = series_of(fact);
  if (series.empty()) return size_ <= size_max || says_how_it_ended(fact);
  if (size_ > size_max / 2) return false;
  const auto [last, is_new] = series_.try_emplace(series, at);
  if (!is_new && at >= last->second && at - last->second < (at - Instant{}) / series_points)
    return false;
  last->second = at;
  return true;
}

Result<> EventLog::write(const catalog::FactOrigin& origin, const catalog::Fact& fact) {
  if (!wanted(origin.at, fact)) {
    ++left_out_;
    return Ok{};
  }
  AXS_TRY(host::write_all(file_.get(), bytes_of(catalog::fact_line(origin, fact)), path_));
  // Behind an appending write the position is the end of the file, whoever else writes to it.
  const off_t end = ::lseek(file_.get(), 0, SEEK_CUR);
  if (end < 0) return host::system_error(path_);
  size_ = static_cast<std::uint64_t>(end);
  return Ok{};
}

std::uint64_t syncs_noted(const std::string& path) {
  const std::string kind = "\"type\":\"" + std::string{type_name<catalog::SyncApplied>()} + '"';
  std::ifstream file{path};
  std::uint64_t noted = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.find(kind) == std::string::npos) continue;
    // What a kill has torn is no JSON, and no fact.
    const auto fact = nlohmann::json::parse(line, nullptr, false);
    if (fact.is_object()) noted = std::max(noted, fact.value("sync", std::uint64_t{0}) + 1);
  }
  return noted;
}

}  // namespace axs::live
