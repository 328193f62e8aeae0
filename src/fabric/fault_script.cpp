#include "axs/fabric/fault_script.h"

#include <algorithm>
#include <utility>

namespace axs::fabric {

namespace {

/// None for what happens in an instant, such as a kill.
std::optional<Duration> span_of(const catalog::Fault& fault) {
  if (const auto* cut = std::get_if<catalog::CutLink>(&fault.what)) return cut->lasts;
  if (const auto* slow = std::get_if<catalog::SlowSite>(&fault.what)) return slow->lasts;
  return std::nullopt;
}

}  // namespace

FaultScript::FaultScript(std::vector<catalog::Fault> faults, std::uint64_t budget_tokens,
                         Instant start)
    : faults_{std::move(faults)}, budget_tokens_{budget_tokens}, states_(faults_.size()) {
  for (std::size_t i = 0; i < faults_.size(); ++i)
    if (const auto* time = std::get_if<Duration>(&faults_[i].at)) states_[i].begins = start + *time;
}

void FaultScript::step(Instant now, const Event& event, std::vector<Action>& actions) {
  const auto* merged = std::get_if<Merged>(&event);
  for (std::uint32_t i = 0; i < faults_.size(); ++i) {
    const auto* share = std::get_if<double>(&faults_[i].at);
    if (merged != nullptr && share != nullptr && !states_[i].begins &&
        static_cast<double>(merged->tokens) >= *share * static_cast<double>(budget_tokens_))
      states_[i].begins = now;
    advance(now, i, actions);
  }
}

void FaultScript::advance(Instant now, std::uint32_t fault, std::vector<Action>& actions) {
  State& state = states_[fault];
  if (!state.begun && state.begins && *state.begins <= now) {
    state.begun = true;
    actions.push_back(Begin{fault});
    const auto span = span_of(faults_[fault]);
    if (span) state.ends = now + *span;
    state.ended = !span;
  }
  if (state.begun && !state.ended && *state.ends <= now) {
    state.ended = true;
    actions.push_back(End{fault});
  }
}

std::optional<Instant> FaultScript::wakeup() const {
  std::optional<Instant> earliest;
  for (const State& state : states_) {
    const auto next = !state.begun ? state.begins : state.ended ? std::nullopt : state.ends;
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

}  // namespace axs::fabric
