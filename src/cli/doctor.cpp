#include "axs/cli/doctor.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "axs/cli/terminal.h"
#include "axs/core/enums.h"

namespace axs::cli {
namespace {

Colour level_colour(Level level) {
  switch (level) {
    case Level::ok:
      return Colour::green;
    case Level::limited:
      return Colour::yellow;
    case Level::missing:
      return Colour::red;
  }
  return Colour::plain;
}

std::string check_as_line(const Check& check) {
  const std::string level = fmt::format("{:<8}", enum_name(check.level));
  const std::string advice =
      check.advice.empty() ? "" : coloured("; " + check.advice, Colour::dim, stdout);
  return fmt::format("{}{:<20}{}{}\n", coloured(level, level_colour(check.level), stdout),
                     check.name, check.seen, advice);
}

}  // namespace

ExitCode verdict(const std::vector<Check>& checks) {
  const bool good = std::ranges::none_of(
      checks, [](const Check& check) { return check.level == Level::missing; });
  return good ? ExitCode::done : ExitCode::failed;
}

std::string checks_as_text(const std::vector<Check>& checks) {
  std::string text;
  for (const Check& check : checks) text += check_as_line(check);
  return text + (verdict(checks) == ExitCode::done ? "This machine can run AXS.\n"
                                                   : "This machine cannot run AXS yet.\n");
}

std::string checks_as_json(const std::vector<Check>& checks) {
  auto list = nlohmann::ordered_json::array();
  for (const Check& check : checks)
    list.push_back({{"name", check.name},
                    {"level", enum_name(check.level)},
                    {"seen", check.seen},
                    {"advice", check.advice}});
  const nlohmann::ordered_json document{
      {"version", 1}, {"good", verdict(checks) == ExitCode::done}, {"checks", list}};
  return document.dump(2) + "\n";
}

void DoctorCommand::declare(CLI::App& app) {
  app.add_flag("--json", json, "Print JSON instead of lines");
}

Result<ExitCode> DoctorCommand::run() {
  const std::vector<Check> checks = examine_machine();
  fmt::print("{}", json ? checks_as_json(checks) : checks_as_text(checks));
  return verdict(checks);
}

}  // namespace axs::cli
