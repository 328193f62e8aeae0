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
  const catalog::Fault& cause = config_.plan.scenario.faults[fault];
  active_.begin(cause);
  return std::visit([this](const auto& what) { return inflict(what); }, cause.what);
}

std::string Launcher::inflict(const catalog::CutLink& cut) {
  return to_underlay_->send(to_wire(ToUnderlay{CutLink{cut.link, {}}}))
             ? "the emulator cuts both directions"
             : "the emulator does not run; it cuts both directions as soon as it does";
}

std::string Launcher::inflict(const catalog::SlowSite& slow) {
  return greet_agent(slow.site)
             ? fmt::format("the worker computes {:g} times slower", active_.slowness(slow.site))
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
  const catalog::Fault& cause = config_.plan.scenario.faults[fault];
  active_.end(cause);
  const auto* cut = std::get_if<catalog::CutLink>(&cause.what);
  if (cut != nullptr && !active_.is_cut(cut->link))
    (void)to_underlay_->send(to_wire(ToUnderlay{HealLink{cut->link, {}}}));
  if (const auto* slow = std::get_if<catalog::SlowSite>(&cause.what)) greet_agent(slow->site);
}

/// One that has just started knows of no cut; one that ran before this launcher may know of a cut
/// that is over.
void Launcher::greet_underlay() {
  for (std::uint32_t i = 0; i < config_.plan.scenario.links.size(); ++i) {
    const LinkId link{i};
    (void)to_underlay_->send(active_.is_cut(link) ? to_wire(ToUnderlay{CutLink{link, {}}})
                                                  : to_wire(ToUnderlay{HealLink{link, {}}}));
  }
}

bool Launcher::greet_agent(SiteId site) {
  return to_agents_[site.value]->send(to_wire(ToAgent{SlowWorker{active_.slowness(site)}}));
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
