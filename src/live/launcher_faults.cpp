#include <fmt/format.h>

#include <csignal>

#include "axs/live/agent.h"
#include "axs/live/launcher.h"
#include "axs/live/underlay_process.h"

/// How a launcher inflicts faults on the processes of its run.
namespace axs::live {

namespace {

std::string seconds_text(Duration duration) {
  return fmt::format("{:g} s", duration.seconds());
}

}  // namespace

std::string Launcher::inflict(std::uint32_t fault) {
  return std::visit([this](const auto& what) { return inflict(what); },
                    config_.plan.scenario.faults[fault].what);
}

std::string Launcher::inflict(const catalog::CutLink& cut) {
  cut_.insert(cut.link);
  return to_underlay_->send(to_wire(ToUnderlay{CutLink{cut.link, {}}}))
             ? "the emulator cuts both directions"
             : "the emulator does not run; it cuts both directions as soon as it does";
}

std::string Launcher::inflict(const catalog::SlowSite& slow) {
  slowed_[slow.site] = slow.factor;
  const bool told = to_agents_[slow.site.value]->send(to_wire(ToAgent{SlowWorker{slow.factor}}));
  return told ? fmt::format("the worker computes {:g} times slower", slow.factor)
              : "the agent does not run; its worker is slow as soon as it does";
}

std::string Launcher::inflict(const catalog::KillProcess& kill) {
  if (kill.process == catalog::Process::controller) {
    const auto pid = processes_->pid("controller");
    if (pid == 0) return "no controller runs: nothing to kill";
    processes_->signal("controller", SIGKILL);
    return fmt::format("SIGKILL to process {}; another is started after {}", pid,
                       seconds_text(controller_restart));
  }
  const auto program = agent(*kill.site);
  if (kill.process == catalog::Process::worker) {
    const bool told = to_agents_[kill.site->value]->send(to_wire(ToAgent{KillWorker{}}));
    return told ? "SIGKILL to the worker; its agent starts another"
                : "no agent runs, so no worker: nothing to kill";
  }
  const auto pid = processes_->pid(program.name);
  if (pid == 0) return "no agent runs: nothing to kill";
  processes_->signal(program.name, SIGKILL);
  return fmt::format("SIGKILL to process {}, and its worker dies with it; started again after {}",
                     pid, seconds_text(agent_restart));
}

void Launcher::heal(std::uint32_t fault) {
  const auto& what = config_.plan.scenario.faults[fault].what;
  if (const auto* cut = std::get_if<catalog::CutLink>(&what)) {
    cut_.erase(cut->link);
    (void)to_underlay_->send(to_wire(ToUnderlay{HealLink{cut->link, {}}}));
  }
  if (const auto* slow = std::get_if<catalog::SlowSite>(&what)) {
    slowed_.erase(slow->site);
    (void)to_agents_[slow->site.value]->send(to_wire(ToAgent{SlowWorker{1}}));
  }
}

/// One that has just started knows of no cut; one that ran before this launcher may know of a cut
/// that is over.
void Launcher::greet_underlay() {
  for (std::uint32_t i = 0; i < config_.plan.scenario.links.size(); ++i) {
    const LinkId link{i};
    (void)to_underlay_->send(cut_.contains(link) ? to_wire(ToUnderlay{CutLink{link, {}}})
                                                 : to_wire(ToUnderlay{HealLink{link, {}}}));
  }
}

void Launcher::greet_agent(SiteId site) {
  const auto slow = slowed_.find(site);
  const double factor = slow == slowed_.end() ? 1 : slow->second;
  (void)to_agents_[site.value]->send(to_wire(ToAgent{SlowWorker{factor}}));
}

Result<> Launcher::hear(ByteView record) {
  const auto message = AXS_TRY(from_wire<FromAgent>(record, "control"));
  const auto* merged = std::get_if<MergedSoFar>(&message);
  if (merged == nullptr || merged->tokens <= merged_) return Ok{};
  merged_ = merged->tokens;
  faults_->merged(merged_);
  return Ok{};
}

}  // namespace axs::live
