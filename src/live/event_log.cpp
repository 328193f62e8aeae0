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

Result<> EventLog::write(const catalog::FactOrigin& origin, const catalog::Fact& fact) {
  const bool minor = std::holds_alternative<catalog::Progress>(fact);
  if (size_ > (minor ? size_max / 2 : size_max)) return Ok{};
  const std::string line = catalog::fact_line(origin, fact);
  AXS_TRY(host::write_all(file_.get(), bytes_of(line), path_));
  size_ += line.size();
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
