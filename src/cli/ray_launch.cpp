#include "axs/cli/ray_launch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "axs/cli/programs.h"
#include "axs/cli/scratch_folder.h"
#include "axs/host/file.h"
#include "axs/host/process.h"

namespace axs::cli {
namespace {

/// Where the wrapper and the package of Python lie: build/KIND/bin/axs is in it.
std::filesystem::path project() {
  return (std::filesystem::path{own_program()}.parent_path() / "../../..").lexically_normal();
}

Error bad(const std::string& cluster, const std::string& wanted) {
  return {Errc::invalid, fmt::format("--ray {}: {}", cluster, wanted)};
}

Result<std::size_t> index_of(const catalog::Scenario& scenario, const std::string& name,
                             const std::string& cluster) {
  std::vector<std::string> names;
  for (const catalog::Site& site : scenario.sites) names.push_back(site.name);
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    return bad(cluster, fmt::format("the plan has no site \"{}\", want one of: {}", name,
                                    fmt::join(names, ", ")));
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

void RayFlags::declare(CLI::App& app) {
  app.add_option("--ray", clusters,
                 "SITE=HOST:PORT: run the agent and the worker of this site on its Ray cluster, in "
                 "a placement group of what the plan has there; once for each such site")
      ->needs("--plan");
  app.add_option("--ray-python", python, "The Python of these clusters, which has their Ray")
      ->envname("AXS_RAY_PYTHON");
}

Result<std::vector<std::vector<std::string>>> RayFlags::launchers(const catalog::Scenario& scenario,
                                                                  const std::string& plan) const {
  std::vector<std::vector<std::string>> launchers;
  if (clusters.empty()) return launchers;
  // A run that is resumed may be so from another folder.
  const std::string with = std::filesystem::absolute(
      python.empty() ? project() / ".axs/venv-ray/bin/python" : std::filesystem::path{python});
  if (!std::filesystem::exists(with))
    return Error{Errc::invalid, fmt::format("--ray: no {}, which ./axs ray --help brings; or name "
                                            "the Python of the clusters by --ray-python",
                                            with)};
  launchers.resize(scenario.sites.size());
  for (const std::string& cluster : clusters) {
    const std::size_t equals = cluster.find('=');
    if (equals == std::string::npos || equals + 1 == cluster.size())
      return bad(cluster, "want SITE=HOST:PORT");
    const std::string site = cluster.substr(0, equals), head = cluster.substr(equals + 1);
    const std::size_t index = AXS_TRY(index_of(scenario, site, cluster));
    if (!launchers[index].empty()) return bad(cluster, "this site has a cluster already");
    launchers[index] = {"/usr/bin/env",
                        "PYTHONPATH=" + (project() / "python").string(),
                        with,
                        "-m",
                        "axs.ray",
                        "run",
                        plan,
                        "--site",
                        site,
                        "--address",
                        head,
                        "--once",
                        "--"};
  }
  return launchers;
}

Result<> RayFlags::check_room(const catalog::Scenario& scenario,
                              const std::string& plan_text) const {
  if (clusters.empty()) return Ok{};
  const ScratchFolder folder = AXS_TRY(ScratchFolder::create_temporary());
  const std::string plan = folder.path() + "/plan.json";
  AXS_TRY(host::write_output(plan, plan_text));
  std::vector<std::pair<std::string, host::Child>> asked;
  auto words = AXS_TRY(launchers(scenario, plan));
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].empty()) continue;
    words[i].push_back("true");
    asked.emplace_back(scenario.sites[i].name,
                       AXS_TRY(host::Child::spawn({.arguments = std::move(words[i])})));
  }
  for (auto& [site, child] : asked)
    if (const host::Exit exit = child.wait(); exit != host::Exit{})
      return Error{Errc::unavailable,
                   fmt::format("--ray: the cluster of {} does not take the plan; its starter {}",
                               site, host::describe(exit))};
  return Ok{};
}

}  // namespace axs::cli
