#pragma once

#include <string>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/fabric/link_plan.h"
#include "axs/host/clock.h"
#include "axs/live/agent.h"
#include "axs/live/underlay.h"

namespace axs::live {

/// The loopback ports of one link: an agent sends from its own to the emulator's that faces it.
struct LinkPorts {
  std::uint16_t a_agent{};
  std::uint16_t a_underlay{};
  std::uint16_t b_agent{};
  std::uint16_t b_underlay{};
};

/// A rehearsal evaluates only a part of the validation split: it is run to see how fast things are.
enum class Purpose : std::uint8_t { training, rehearsal };

/// What all processes of one run must know alike; written once into the run's folder.
struct RunPlan {
  /// Of all that the processes of a run share on their machine: this record, what they keep in the
  /// run's folder without a version of its own, what they say over its sockets. Stays first.
  static constexpr std::uint32_t current_version = 8;
  std::uint32_t version = current_version;
  std::string run;
  catalog::Scenario scenario;
  std::string data;              ///< The corpus; empty for the default one.
  std::vector<LinkPorts> ports;  ///< By link.
  host::ClockMark clock;
  Purpose purpose = Purpose::training;
  std::vector<net::LinkBreaks> handovers{};  ///< As sites are told beforehand.
  /// By site, the words before its agent's own command, of a program that starts it elsewhere than
  /// among this machine's own processes; empty for all sites, or for one, where there is none.
  std::vector<std::vector<std::string>> launchers{};
};

/// Where things lie in the folder of a run.
struct RunFolder {
  std::string path;

  std::string plan() const { return path + "/plan"; }
  /// Of X-Ray, as it was given to the run; only if one was.
  std::string planned() const { return path + "/plan.json"; }
  std::string authority() const { return path + "/ca"; }
  std::string model() const { return path + "/model"; }
  std::string underlay_stats() const { return path + "/underlay.json"; }
  std::string log(const std::string& process) const { return path + "/" + process + ".log"; }
  std::string site(const std::string& name) const { return path + "/sites/" + name; }
  /// Of the launcher, the controller and the emulator: each line is one write.
  std::string events() const { return path + "/events.jsonl"; }
  std::string state() const { return path + "/state.db"; }
  /// Of a process that belongs to no site.
  std::string metrics(const std::string& process) const { return path + "/" + process + ".prom"; }
  std::string underlay_socket() const { return path + "/underlay.sock"; }
  std::string lock(const std::string& process) const { return path + "/" + process + ".lock"; }
  std::string events(const std::string& name) const { return site(name) + "/events.jsonl"; }
};

struct NewRun {
  catalog::Scenario scenario;
  std::string data{};
  Purpose purpose = Purpose::training;
  std::vector<catalog::Fact> opening{};  ///< How its record begins.
  std::vector<net::LinkBreaks> handovers{};
  std::string planned{};  ///< The text of X-Ray's plan, empty for none.
  std::vector<std::vector<std::string>> launchers{};
};
/// Makes the folder of a new run, which must not be there yet: its certificate authority, an
/// invitation to each site, free ports, the beginning of its record, and last the plan: what can be
/// resumed has all of it, whenever it was killed. An error leaves nothing of it.
Result<RunPlan> create_run(const RunFolder& folder, NewRun run);
Result<RunPlan> load_run(const RunFolder& folder);
/// For a run of which nothing is alive: other ports, for somebody may have taken the old ones, and
/// a clock that goes on from `clock` as if no time had passed. A site that has not been enrolled
/// gets a fresh invitation.
Result<> renew_run(const RunFolder& folder, RunPlan& plan, Instant clock);

/// The configuration of one site's agent. `worker` is the path of axs-worker. The first site
/// exports the model and enrols the others.
AgentConfig agent_config(const RunFolder& folder, const RunPlan& plan, SiteId site,
                         const std::string& worker);
UnderlayConfig underlay_config(const RunPlan& plan, const std::vector<fabric::LinkPlan>& links);

}  // namespace axs::live
