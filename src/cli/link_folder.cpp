#include "axs/cli/link_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

namespace axs::cli {

namespace fs = std::filesystem;

void LinkFlags::declare(CLI::App& app) {
  app.add_option("--dir", folder,
                 "Where links are kept; by default axs/links in $XDG_STATE_HOME or ~/.local/state")
      ->envname("AXS_LINKS");
  app.add_flag("--json", json, "Print one JSON object");
}

std::string LinkFlags::path() const {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
  if (!folder.empty()) return fs::absolute(folder).lexically_normal().string();
  const std::string state = variable("XDG_STATE_HOME");
  return (state.empty() ? variable("HOME") + "/.local/state" : state) + "/axs/links";
}

Result<live::LinkSpec> LinkFlags::load(const std::string& name) const {
  if (name.find('/') == std::string::npos && fs::exists(of(name).spec()))
    return live::load_link(of(name));
  const auto names = live::links_in(path());
  return Error{
      Errc::invalid,
      fmt::format("link {}: not known in {}, there {}", name, path(),
                  names.empty() ? "are none" : fmt::format("is {}", fmt::join(names, ", ")))};
}

std::string own_program() {
  return fs::read_symlink("/proc/self/exe").string();
}

Result<> start_link(const live::LinkFolder& folder, const live::LinkSpec& spec) {
  for (const live::LinkSide side : spec.local)
    AXS_TRY(live::start_end(own_program(), folder, side));
  return live::await_link(folder, spec);
}

Result<> remove_link(const live::LinkFolder& folder, const live::LinkSpec& spec) {
  for (const live::LinkSide side : spec.local) AXS_TRY(live::stop_end(folder, side));
  std::error_code failure;
  fs::remove_all(folder.path, failure);
  if (failure) return Error{Errc::unavailable, folder.path + ": " + failure.message()};
  return Ok{};
}

std::string milliseconds_text(std::optional<Duration> d) {
  return d ? fmt::format("{:.1f} ms", d->seconds() * 1e3) : "-";
}

std::string promise_text(const live::LinkSpec& spec) {
  const std::string light = milliseconds_text(spec.offer.light);
  if (!spec.promise) return fmt::format("none; light would take {}", light);
  return fmt::format("{} for {:g} % of probes, {:.2f} times the {} of light",
                     milliseconds_text(spec.promise->round_trip), spec.promise->percentile,
                     spec.promise->stretch, light);
}

std::string rate_text(const live::LinkSpec& spec) {
  if (!spec.rate) return "unlimited";
  const double bits = spec.rate->value() * 8;
  return bits >= 1e9 ? fmt::format("{:g} Gb/s", bits * 1e-9)
                     : fmt::format("{:g} Mb/s", bits * 1e-6);
}

}  // namespace axs::cli
