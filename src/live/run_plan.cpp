#include "axs/live/run_plan.h"

#include <filesystem>

#include "axs/live/checked_file.h"
#include "axs/live/enrolment_files.h"

namespace axs::live {

namespace {

constexpr std::size_t plan_size_max = std::size_t{16} << 20;
/// The emulator ends when nobody has sent anything for so long.
constexpr Duration underlay_idle = seconds(30);
/// The first start of an agent is a matter of seconds; a resumed run makes new invitations.
constexpr Duration invitation_lasts = seconds(86'400);

/// Ports that are free now. All are held open until all are found, so that none comes twice.
Result<std::vector<LinkPorts>> free_ports(std::size_t links) {
  std::vector<std::unique_ptr<UdpPort>> held;
  std::vector<LinkPorts> ports(links);
  for (LinkPorts& link : ports)
    for (std::uint16_t* port : {&link.a_agent, &link.a_underlay, &link.b_agent, &link.b_underlay}) {
      held.push_back(AXS_TRY(UdpPort::open_lasting("a port for a link")));
      *port = held.back()->local_port();
    }
  return ports;
}

/// Each site that has no certificate yet is handed a token. Its key it makes itself.
Result<> invite_sites(const RunFolder& folder, const RunPlan& plan, StoredDesk desk) {
  const catalog::UtcTime expires = catalog::UtcTime{} + host::unix_time() + invitation_lasts;
  for (const catalog::Site& site : plan.scenario.sites) {
    const std::string path = folder.site(site.name);
    if (enrolled(path)) continue;
    // The record is on the disk before the token: of one that was there before nothing is lost.
    const EnrolmentToken token = AXS_TRY(desk.invite(site.name, expires));
    AXS_TRY(save_token(path, token));
  }
  return Ok{};
}

Result<> write_plan(const RunFolder& folder, const RunPlan& plan) {
  // Its parts refer to each other by number: a damaged one must not be believed.
  return write_checked(folder.plan(), to_wire(plan), host::FileAccess::everyone);
}

Result<> write_opening(const RunFolder& folder, const RunPlan& plan,
                       const std::vector<catalog::Fact>& opening) {
  EventLog log = AXS_TRY(EventLog::open(folder.events()));
  for (const catalog::Fact& fact : opening) AXS_TRY(log.write({plan.run, "", Instant{}}, fact));
  return Ok{};
}

Result<> write_run(const RunFolder& folder, const RunPlan& plan, const NewRun& run) {
  AXS_TRY(host::make_folder(folder.authority()));
  const catalog::UtcTime now = catalog::UtcTime{} + host::unix_time();
  auto desk = AXS_TRY(StoredDesk::create(folder.authority(), plan.run, now));
  AXS_TRY(invite_sites(folder, plan, std::move(desk)));
  AXS_TRY(write_opening(folder, plan, run.opening));
  if (!run.planned.empty()) AXS_TRY(host::write_output(folder.planned(), run.planned));
  return write_plan(folder, plan);
}

}  // namespace

Result<RunPlan> create_run(const RunFolder& folder, NewRun run) {
  if (std::error_code ignored; std::filesystem::exists(folder.path, ignored))
    return Error{Errc::unavailable, folder.path + ": there is a run of this name already"};
  RunPlan plan;
  plan.run = folder.path.substr(folder.path.rfind('/') + 1);
  plan.scenario = std::move(run.scenario);
  plan.data = std::move(run.data);
  plan.ports = AXS_TRY(free_ports(plan.scenario.links.size()));
  plan.clock = host::RunClock{Instant{}}.mark();
  plan.purpose = run.purpose;
  plan.handovers = std::move(run.handovers);
  plan.launchers = std::move(run.launchers);
  if (auto written = write_run(folder, plan, run); !written) {
    std::error_code ignored;
    std::filesystem::remove_all(folder.path, ignored);
    return std::move(written).error();
  }
  return plan;
}

Result<> renew_run(const RunFolder& folder, RunPlan& plan, Instant clock) {
  plan.ports = AXS_TRY(free_ports(plan.scenario.links.size()));
  plan.clock = host::RunClock{clock}.mark();
  auto desk = AXS_TRY(StoredDesk::open(folder.authority()));
  AXS_TRY(invite_sites(folder, plan, std::move(desk)));
  return write_plan(folder, plan);
}

Result<RunPlan> load_run(const RunFolder& folder) {
  const ByteVector record = AXS_TRY(read_checked(folder.plan(), plan_size_max));
  std::uint32_t version = 0;
  WireReader{record}.get(version);  // What follows may have another form.
  if (version != RunPlan::current_version)
    return Error{Errc::invalid, folder.plan() + ": version " + std::to_string(version) + ", want " +
                                    std::to_string(RunPlan::current_version) +
                                    "; go on with the program that began the run"};
  return from_wire<RunPlan>(record, folder.plan());
}

AgentConfig agent_config(const RunFolder& folder, const RunPlan& plan, SiteId site,
                         const std::string& worker) {
  const std::string own = folder.site(plan.scenario.sites[site.value].name);
  AgentConfig config;
  config.run = plan.run;
  config.site = site;
  config.scenario = plan.scenario;
  for (std::uint32_t i = 0; i < plan.ports.size(); ++i) {
    const catalog::Link& link = plan.scenario.links[i];
    const LinkPorts& ports = plan.ports[i];
    if (link.a == site) config.links.push_back({LinkId{i}, {ports.a_agent, ports.a_underlay}});
    if (link.b == site) config.links.push_back({LinkId{i}, {ports.b_agent, ports.b_underlay}});
  }
  config.folder = own;
  config.clock = plan.clock;
  config.handovers = fabric::handover_plan(plan.handovers, plan.scenario.sites[site.value]);
  config.worker = launch_process({.arguments = {worker}, .log = own + "/worker.log"});
  config.data = plan.data;
  if (site == SiteId{0}) config.export_folder = folder.model(), config.desk = folder.authority();
  config.evaluates_whole = plan.purpose == Purpose::training;
  return config;
}

UnderlayConfig underlay_config(const RunPlan& plan, const std::vector<fabric::LinkPlan>& links) {
  UnderlayConfig config;
  config.seed = plan.scenario.seed;
  config.idle_exit = underlay_idle;
  for (const fabric::LinkPlan& link : links) {
    const LinkPorts& ports = plan.ports[link.id.value];
    config.links.push_back({.id = link.id,
                            .name = link.name,
                            .a = link.a,
                            .b = link.b,
                            .forth = {link.forth, link.forth_forecast},
                            .back = {link.back, link.back_forecast},
                            .a_end = {ports.a_underlay, ports.a_agent},
                            .b_end = {ports.b_underlay, ports.b_agent}});
  }
  return config;
}

}  // namespace axs::live
