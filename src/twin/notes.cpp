#include "axs/fabric/story.h"
#include "axs/twin/site_state.h"
#include "axs/twin/twin.h"

/// What the twin writes into the record of a run: the facts that agents, workers, the emulator and
/// the controller note when they are real.
namespace axs::twin {
namespace {

constexpr Duration progress_every = seconds(1);
constexpr Duration traffic_every = seconds(1);
constexpr Duration route_every = seconds(1);

std::uint64_t lost(const net::PipeCounters& counters) {
  return counters.offered - counters.delivered;
}

}  // namespace

void Twin::note(SiteId site, const catalog::Fact& fact) {
  if (config_.note) config_.note({config_.scenario.name, name(site), local(site)}, fact);
}

void Twin::note_world(const catalog::Fact& fact) {
  if (config_.note) config_.note({config_.scenario.name, "", now_}, fact);
}

void Twin::note_progress(SiteId id) {
  SiteState& site = *sites_[id.value];
  if (!config_.note || now_ - site.progress_noted < progress_every) return;
  site.progress_noted = now_;
  const std::uint64_t tokens = site.worker->speed().tokens_per_step;
  const std::uint64_t position =
      site.ring ? site.ring->step().value * tokens : site.worker->position();
  note(id, catalog::Progress{position / tokens,
                             position,
                             site.worker->take_loss(),
                             site.worker->time_of(Worker::Work::step),
                             {}});
}

/// What was merged and saved before a kill, and not noted, is noted now.
void Twin::note_ready(SiteId site, const train::SiteSync::WorkerReady& ready) {
  catalog::WorkerReady fact;
  fact.applied = ready.applied.value;
  fact.parameters = catalog::parameter_count(config_.scenario.model);
  note(site, fact);
  for (const auto& [sync, merged] : std::exchange(sites_[site.value]->merging, {}))
    if (sync < ready.applied) note(site, merged);
}

/// Sites report every second and at each change.
void Twin::note_route(const net::LinkReport& report) {
  if (!config_.note) return;
  const auto [noted, first] = route_noted_.emplace(std::pair{report.from, report.to}, now_);
  if (!first && now_ - noted->second < route_every) return;
  noted->second = now_;
  if (const auto fact = fabric::route_measured(config_.scenario, topology_, report))
    note_world(*fact);
}

void Twin::note_traffic() {
  if (!config_.note || (traffic_noted_ && now_ - *traffic_noted_ < traffic_every)) return;
  traffic_noted_ = now_;
  for (std::size_t i = 0; i < pipes_.size(); ++i) {
    const fabric::LinkPlan& link = config_.links[i];
    for (const bool back : {false, true}) {
      const net::PipeCounters& counters = pipes_[i][back].counters();
      const fabric::Wire wire = fabric::wire_at(link, back, now_ - Instant{});
      note_world(catalog::LinkTraffic{link.name, name(back ? link.b : link.a),
                                      name(back ? link.a : link.b), counters.offered_bytes,
                                      counters.offered, lost(counters), wire.one_way, wire.up});
    }
  }
}

catalog::SyncApplied Twin::told(const fabric::Site::Apply& action, const Hash256& hash) const {
  catalog::SyncApplied fact{action.sync.value, {}, hash};
  for (const train::Contribution& member : action.decision.members)
    fact.members.push_back({name(member.site), member.tokens.begin, member.tokens.end});
  return fact;
}

}  // namespace axs::twin
