#include "axs/live/fault_injector.h"

#include <algorithm>
#include <utility>

#include "axs/fabric/story.h"

namespace axs::live {

namespace {

/// How long the fault lasts; nothing for what happens in an instant.
Duration* span_of(catalog::Fault& fault) {
  if (auto* cut = std::get_if<catalog::CutLink>(&fault.what)) return &cut->lasts;
  if (auto* slow = std::get_if<catalog::SlowSite>(&fault.what)) return &slow->lasts;
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<FaultInjector>> FaultInjector::open(host::Loop& loop, RunState& state,
                                                           const catalog::Scenario& scenario,
                                                           World world) {
  const auto done = AXS_TRY(state.faults());
  std::unique_ptr<FaultInjector> injector{
      new FaultInjector{loop, state, scenario, std::move(world)}};
  injector->restore(done);
  injector->timer_ = loop.after({}, [raw = injector.get()] { raw->run(Wakeup{}); });
  return injector;
}

FaultInjector::FaultInjector(host::Loop& loop, RunState& state, const catalog::Scenario& scenario,
                             World world)
    : loop_{loop}, state_{state}, scenario_{scenario}, world_{std::move(world)} {}

FaultInjector::~FaultInjector() {
  if (timer_) loop_.cancel(*timer_);
}

/// The script of what is left: a fault that was under way begins again at once, for the rest of its
/// time.
void FaultInjector::restore(const std::map<std::uint32_t, RunState::Fault>& done) {
  std::vector<catalog::Fault> left;
  for (std::uint32_t i = 0; i < scenario_.faults.size(); ++i) {
    catalog::Fault fault = scenario_.faults[i];
    if (const auto found = done.find(i); found != done.end()) {
      done_.insert(*found);
      Duration* const span = span_of(fault);
      if (span == nullptr || found->second.ended) continue;
      *span = std::max(Duration{}, found->second.began + *span - loop_.now());
      fault.at = Duration{};
    }
    numbers_.push_back(i);
    left.push_back(std::move(fault));
  }
  script_.emplace(std::move(left), scenario_.train.tokens, Instant{});
}

void FaultInjector::merged(std::uint64_t tokens) {
  run(fabric::FaultScript::Merged{tokens});
}

void FaultInjector::run(const fabric::FaultScript::Event& event) {
  std::vector<fabric::FaultScript::Action> actions;
  script_->step(loop_.now(), event, actions);
  for (const auto& action : actions) std::visit([this](const auto& a) { perform(a); }, action);
  if (timer_) loop_.cancel(*timer_);
  timer_.reset();
  const auto at = script_->wakeup();
  if (at)
    timer_ = loop_.at(*at, [this] {
      timer_.reset();
      run(Wakeup{});
    });
}

void FaultInjector::perform(const fabric::FaultScript::Begin& action) {
  const std::uint32_t number = numbers_[action.fault];
  const auto [entry, fresh] = done_.try_emplace(number, RunState::Fault{loop_.now()});
  if (fresh) save(number);  // First: whoever dies in between must not kill a second time.
  const std::string what = world_.begin(number);
  if (!fresh) return;
  entry->second.done = what;
  save(number);
  catalog::FaultBegan fact = fabric::fault_began(scenario_, number);
  fact.done = what;
  world_.note(fact);
}

void FaultInjector::perform(const fabric::FaultScript::End& action) {
  const std::uint32_t number = numbers_[action.fault];
  world_.end(number);
  done_.at(number).ended = loop_.now();
  save(number);
  world_.note(catalog::FaultEnded{number});
}

void FaultInjector::save(std::uint32_t fault) {
  const Result<> saved = state_.note_fault(fault, done_.at(fault));
  if (!saved) world_.fail(saved.error());
}

}  // namespace axs::live
