#include "axs/cli/run_record.h"

#include <filesystem>
#include <fstream>

#include "axs/cli/build_info.h"
#include "axs/cli/shell_word.h"
#include "axs/fabric/story.h"
#include "axs/host/file.h"

namespace axs::cli {

std::string own_command() {
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  std::string word, command;
  while (std::getline(file, word, '\0')) {
    const bool first = command.empty();
    // The wrapper starts the program; it is what one would type.
    command += first ? "./axs" : " " + shell_word(word);
  }
  return command;
}

std::vector<catalog::Fact> opening_facts(const catalog::Scenario& scenario,
                                         const std::string& world, const std::string& command) {
  catalog::RunStarted start;
  start.scenario = scenario.name;
  start.seed = scenario.seed;
  for (const auto& site : scenario.sites) start.sites.push_back(site.name);
  start.tokens = scenario.train.tokens;
  start.fragments = scenario.train.outer.fragments;
  start.parameters = catalog::parameter_count(scenario.model);
  start.world = world;
  start.command = command;
  start.program = AXS_VERSION;
  std::vector<catalog::Fact> facts{start, built_from()};
  for (auto& fact : fabric::describe(scenario)) facts.push_back(std::move(fact));
  return facts;
}

Result<TwinRecord> TwinRecord::create(const std::string& folder,
                                      const catalog::Scenario& scenario) {
  std::error_code failure;
  if (std::filesystem::exists(folder, failure) && !std::filesystem::is_empty(folder, failure))
    return Error{Errc::invalid, "--out " + folder + ": there is something in it"};
  TwinRecord record;
  std::filesystem::create_directories(folder + "/sites", failure);
  if (failure) return Error{Errc::invalid, "--out " + folder + ": " + failure.message()};
  record.logs_.emplace("", AXS_TRY(live::EventLog::open(folder + "/events.jsonl")));
  for (const auto& site : scenario.sites) {
    const std::string own = folder + "/sites/" + site.name;
    AXS_TRY(host::make_folder(own));
    record.logs_.emplace(site.name, AXS_TRY(live::EventLog::open(own + "/events.jsonl")));
  }
  return record;
}

void TwinRecord::note(const catalog::FactOrigin& origin, const catalog::Fact& fact) {
  const Result<> written = logs_.at(origin.site).write(origin, fact);
  if (!written && !failure_) failure_ = written.error();
}

Result<> TwinRecord::outcome() const {
  if (failure_) return *failure_;
  return Ok{};
}

}  // namespace axs::cli
