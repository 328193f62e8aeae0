#include "axs/live/link_keeper.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "axs/core/enums.h"
#include "axs/host/clock.h"
#include "axs/host/file.h"
#include "axs/host/lock.h"

namespace axs::live {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t log_size_max = 1 << 20, record_size_max = 256u << 20;
constexpr Duration start_patience = seconds(10), stop_patience = seconds(2);

catalog::UtcTime now() {
  return {host::unix_time().ns};
}

std::string text_of(const std::string& path, std::size_t size_max) {
  const auto bytes = host::read_file(path, size_max);
  return bytes ? std::string{bytes->begin(), bytes->end()} : std::string{};
}

Result<> absent(const LinkFolder& folder, const std::string& name) {
  if (!fs::exists(folder.spec())) return Ok{};
  return Error{Errc::invalid, "link " + name +
                                  ": is there already; want another --name, or first "
                                  "axs link rm " +
                                  name};
}

/// What a crash left half made counts for nothing.
Result<> clear(const LinkFolder& folder) {
  std::error_code failure;
  fs::remove_all(folder.path, failure);
  if (failure) return Error{Errc::unavailable, folder.path + ": " + failure.message()};
  return host::make_folder(folder.path);
}

Result<> equip(const LinkFolder& folder, LinkSide side, const Credentials& credentials) {
  AXS_TRY(host::make_folder(folder.end(side)));
  AXS_TRY(host::make_folder(folder.credentials(side)));
  return credentials.save(folder.credentials(side));
}

}  // namespace

Result<> create_link(const LinkFolder& folder, const LinkSpec& spec) {
  AXS_TRY(absent(folder, spec.name));
  AXS_TRY(clear(folder));
  const auto authority = AXS_TRY(CertificateAuthority::create(spec.name, now()));
  AXS_TRY(host::make_folder(folder.authority()));
  AXS_TRY(authority.save(folder.authority()));
  for (const LinkSide side : spec.local) {
    const auto own = AXS_TRY(authority.issue_with_key(enum_name(side), now()));
    AXS_TRY(equip(folder, side, own));
  }
  return save_link(folder, spec);
}

Result<LinkInvitation> invite(const LinkFolder& folder, const LinkSpec& spec) {
  const auto authority = AXS_TRY(CertificateAuthority::load(folder.authority()));
  LinkInvitation invitation{spec, AXS_TRY(authority.issue_with_key("to", now()))};
  invitation.spec.local = {LinkSide::to};
  return invitation;
}

Result<LinkSpec> join_link(const LinkFolder& folder, LinkInvitation invitation,
                           std::optional<Endpoint> at) {
  AXS_TRY(check_invitation(invitation));
  LinkSpec& spec = invitation.spec;
  AXS_TRY(absent(folder, spec.name));
  AXS_TRY(clear(folder));
  if (at) spec.end(LinkSide::to).at = *at;
  AXS_TRY(equip(folder, LinkSide::to, invitation.credentials));
  AXS_TRY(save_link(folder, spec));
  return spec;
}

std::optional<host::ProcessIdentity> end_process(const LinkFolder& folder, LinkSide side) {
  if (!fs::exists(folder.lock(side))) return std::nullopt;
  const auto holder = host::FileLock::holder(folder.lock(side));
  return holder ? *holder : std::nullopt;
}

Result<> start_end(const std::string& program, const LinkFolder& folder, LinkSide side) {
  if (end_process(folder, side)) return Ok{};
  // What an earlier process said of itself must not pass for this one's word.
  std::error_code ignored;
  fs::rename(folder.log(side), folder.log(side) + ".1", ignored);
  fs::remove(folder.stats(side), ignored);
  AXS_TRY(host::Child::spawn(
      {.arguments = {program, "link", "end", folder.path, std::string{enum_name(side)}},
       .log = folder.log(side),
       .lifetime = host::Lifetime::detached}));
  return Ok{};
}

Result<> await_link(const LinkFolder& folder, const LinkSpec& spec) {
  const bool both = spec.local.size() == 2;
  const Duration begin = host::time_since_boot();
  while (host::time_since_boot() - begin < start_patience) {
    std::size_t ready = 0;
    for (const LinkSide side : spec.local) {
      const std::string stats = end_stats(folder, side);
      ready += stats.find(both ? R"("state":"up")" : R"("state")") != std::string::npos;
      const bool begun = host::time_since_boot() - begin > milliseconds(500);
      if (begun && !end_process(folder, side))
        return Error{Errc::unavailable, "link " + spec.name + ": " + last_words(folder, side)};
    }
    if (ready == spec.local.size()) return Ok{};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Error{Errc::timeout, "link " + spec.name +
                                  ": its ends have not found each other after 10 s; "
                                  "they go on trying"};
}

Result<> stop_end(const LinkFolder& folder, LinkSide side) {
  const auto identity = end_process(folder, side);
  if (!identity) return Ok{};
  const auto process = host::Process::attach(*identity);
  if (!process) return Ok{};
  for (const int number : {SIGTERM, SIGKILL}) {
    (void)process->signal(number).has_value();
    pollfd end{.fd = process->fd(), .events = POLLIN, .revents = 0};
    if (poll(&end, 1, static_cast<int>(stop_patience.ns / 1'000'000)) > 0) return Ok{};
  }
  return Error{Errc::timeout, folder.end(side) + ": its process does not end"};
}

std::string end_stats(const LinkFolder& folder, LinkSide side) {
  return text_of(folder.stats(side), log_size_max);
}

std::string last_words(const LinkFolder& folder, LinkSide side) {
  std::string text = text_of(folder.log(side), log_size_max);
  while (text.ends_with('\n')) text.pop_back();
  text = text.substr(text.rfind('\n') + 1);
  const std::string prefix = "axs: ";
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

Result<std::vector<std::string>> breaches_of(const LinkFolder& folder) {
  const auto bytes = host::read_file(folder.breaches(), record_size_max);
  std::vector<std::string> lines;
  if (!bytes && bytes.error().code == Errc::not_found) return lines;
  if (!bytes) return bytes.error();
  const std::string text{bytes->begin(), bytes->end()};
  for (std::size_t at = 0, end; at < text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    // A crash may have torn the line that was being written, and nobody was told of that one.
    const std::string line = text.substr(at, end - at);
    if (nlohmann::json::accept(line)) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> links_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : host::names_in(folder))
    if (std::error_code failure; fs::exists(LinkFolder{folder + "/" + name}.spec(), failure))
      names.push_back(name);
  return names;
}

}  // namespace axs::live
