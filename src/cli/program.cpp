#include "axs/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>

#include "axs/cli/terminal.h"

namespace axs::cli {
namespace {

constexpr const char* description =
    "Plan, train, serve and operate AI workloads on compute spread over continents and orbits.";

constexpr const char* examples = R"(
Examples:
  axs doctor                   does this machine have what AXS needs?
  axs doctor --json            the same for a program

The wrapper ./axs also knows:
  ./axs setup                  bring what is missing and build
  ./axs test [CTEST ARGS]      the same for tests, and run them
  ./axs bench NAME             run a benchmark of tools/bench
  ./axs ray run PLAN ...       carry out a plan of X-Ray on Ray clusters

Exit codes: 0 done, 1 the job failed, 2 bad input.)";

using Commands = std::vector<std::unique_ptr<Command>>;

ExitCode report(const Error& error) {
  print_error(error.what);
  return error.code == Errc::invalid ? ExitCode::bad_input : ExitCode::failed;
}

/// CLI11 would say that an argument was not expected; a mistyped command deserves the list.
Result<> check_command_name(int argc, const char* const* argv, const Commands& commands) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name.empty() || name.front() == '-') return Ok{};
  std::string names;
  for (const auto& command : commands) {
    if (command->name() == name) return Ok{};
    names += (names.empty() ? "" : ", ") + command->name();
  }
  return Error{Errc::invalid, fmt::format("\"{}\": no such command, want one of: {}", name, names)};
}

void declare(CLI::App& app, const Commands& commands) {
  app.set_version_flag("--version", "axs " AXS_VERSION, "Print the version and exit");
  app.footer(examples);
  for (const auto& command : commands)
    command->declare(*app.add_subcommand(command->name(), command->summary()));
}

/// An option with an empty value would go for one that was not given.
Result<> check_values(const CLI::App& app) {
  const auto is_empty = [](const std::string& value) { return value.empty(); };
  for (const CLI::Option* option : app.get_options())
    if (option->nonpositional() && std::ranges::any_of(option->results(), is_empty))
      return Error{Errc::invalid, fmt::format("{}: \"\", want a value", option->get_name())};
  for (const CLI::App* command : app.get_subcommands()) AXS_TRY(check_values(*command));
  return Ok{};
}

Result<ExitCode> parse_and_run(int argc, const char* const* argv, const Commands& commands) {
  AXS_TRY(check_command_name(argc, argv, commands));
  CLI::App app{description, "axs"};
  declare(app, commands);
  if (argc <= 1) {
    fmt::print("{}", app.help());
    return ExitCode::done;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool only_help = error.get_exit_code() == 0;
    if (only_help) app.exit(error);
    if (only_help) return ExitCode::done;
    return Error{Errc::invalid, fmt::format("{}; see axs --help", error.what())};
  }
  AXS_TRY(check_values(app));
  const auto chosen = std::ranges::find_if(
      commands, [&](const auto& command) { return app.got_subcommand(command->name()); });
  AXS_ASSERT(chosen != commands.end());
  return (*chosen)->run();
}

/// A full disk behind standard output shows itself only when the buffer is written. A reader that
/// has seen enough is no error: only `axs run` lives to see it, others end by SIGPIPE.
Result<> flush_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return Ok{};
  if (reader_is_gone(stdout)) return Ok{};
  return Error{Errc::exhausted, "standard output: cannot be written, is the disk full?"};
}

Result<ExitCode> run_and_flush(int argc, const char* const* argv) {
  const ExitCode code = AXS_TRY(parse_and_run(argc, argv, all_commands()));
  AXS_TRY(flush_output());
  return code;
}

}  // namespace

ExitCode run_program(int argc, const char* const* argv) {
  try {
    const auto code = run_and_flush(argc, argv);
    return code ? *code : report(code.error());
  } catch (const std::exception& error) {
    return report({Errc::exhausted, error.what()});
  }
}

}  // namespace axs::cli
