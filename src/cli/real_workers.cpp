#include "axs/cli/real_workers.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "axs/cli/programs.h"
#include "axs/host/file.h"
#include "axs/live/run_plan.h"

namespace axs::cli {

using train::SiteSync;

namespace {

Error stopped() {
  return {Errc::exhausted, "stopped before the end of the run"};
}

}  // namespace

Result<ByteView> Contributions::keep(const SiteSync::Captured& captured, ByteView blob) {
  const train::Contribution& contribution = captured.contribution;
  if (contribution.size > blob.size())
    return Error{Errc::corrupt, std::to_string(blob.size()) + " bytes attached, want " +
                                    std::to_string(contribution.size)};
  const ByteView own = blob.first(contribution.size);
  bytes_[captured.sync][contribution.content].assign(own.begin(), own.end());
  return blob.subspan(contribution.size);
}

Result<ByteVector> Contributions::bytes_of(train::SyncId sync,
                                           const std::vector<train::Contribution>& members) const {
  ByteVector all;
  for (const train::Contribution& member : members) {
    const auto of_sync = bytes_.find(sync);
    if (of_sync == bytes_.end() || !of_sync->second.contains(member.content))
      return Error{Errc::corrupt, "sync " + std::to_string(sync.value) +
                                      ": a contribution that no worker has made"};
    const ByteVector& bytes = of_sync->second.at(member.content);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

void Contributions::saved(SiteId site, train::SyncId applied) {
  saved_[site.value] = applied;
  bytes_.erase(bytes_.begin(), bytes_.lower_bound(*std::ranges::min_element(saved_)));
}

void RealWorker::start() {
  // A kill falls between two things that it does, so that what it has saved does not depend on how
  // fast this machine is.
  if (process_) (void)settle();
  process_.reset();
  loss_sum_ = 0;
  steps_ = 0;
  if (failure_) return;
  auto started = live::LockstepWorker::start(config_.launch, config_.begin);
  if (!started) return (void)fail(started.error());
  process_ = *std::move(started);
}

Result<SiteSync::WorkerReady> RealWorker::ready() {
  const auto [ready, blob] = AXS_TRY(answer<train::Ready>());
  ByteView rest = blob;
  for (const auto& captured : ready.state.pending)
    rest = AXS_TRY(config_.contributions->keep(captured, rest));
  config_.contributions->saved(config_.begin.site, ready.state.applied);
  return ready.state;
}

void RealWorker::order(const SiteSync::Capture& capture) {
  tell(capture);
  (void)settle();  // What it does next follows from that.
}

void RealWorker::foresee(const SiteSync::Foresee& foresee) {
  const auto bytes = config_.contributions->bytes_of(foresee.sync, foresee.members);
  if (!bytes) return (void)fail(bytes.error());
  tell(foresee, *bytes);
}

Result<SiteSync::Applied> RealWorker::apply(const SiteSync::Apply& apply) {
  const ByteVector bytes =
      AXS_TRY(config_.contributions->bytes_of(apply.sync, apply.decision.members));
  tell(apply, bytes);
  return AXS_TRY(answer<SiteSync::Applied>()).first;
}

RealWorker::Work RealWorker::next_work() const {
  if (failure_) return Work::step;  // Its end says why.
  const train::WorkerTask next = process_->paused().next;
  if (next == train::WorkerTask::step) return Work::step;
  return next == train::WorkerTask::capture ? Work::capture : Work::wait;
}

/// A capture takes in what has come when it ends, as the twin's own does; so it is made then.
void RealWorker::begin(Work work) {
  if (work == Work::step) tell(train::Proceed{});
}

Result<std::optional<SiteSync::Captured>> RealWorker::end(Work work) {
  using Ended = std::optional<SiteSync::Captured>;
  AXS_TRY(settle());
  if (work == Work::step) {
    loss_sum_ += process_->paused().loss;
    ++steps_;
    return Ended{};
  }
  if (next_work() != Work::capture) return Ended{};
  tell(train::Proceed{});
  const auto [captured, blob] = AXS_TRY(answer<SiteSync::Captured>());
  (void)AXS_TRY(config_.contributions->keep(captured, blob));
  config_.contributions->saved(config_.begin.site, captured.applied);
  return Ended{captured};
}

double RealWorker::take_loss() {
  if (steps_ == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::exchange(loss_sum_, 0) / static_cast<double>(std::exchange(steps_, 0));
}

Result<std::optional<train::Evaluated>> RealWorker::evaluate() {
  AXS_TRY(settle());
  if (const auto evaluated = process_->take<train::Evaluated>())
    return std::optional{evaluated->first};
  tell(train::Proceed{});
  return std::optional<train::Evaluated>{};
}

void RealWorker::tell(const train::ToWorker& message, ByteView blob) {
  if (failure_) return;
  if (const auto told = process_->tell(message, blob); !told) (void)fail(told.error());
}

Result<> RealWorker::settle() {
  if (!failure_ && config_.patience->is_over()) failure_ = stopped();
  if (failure_) return *failure_;
  if (const auto settled = process_->settle(); !settled) return fail(settled.error());
  return Ok{};
}

template <class T>
Result<std::pair<T, ByteVector>> RealWorker::answer() {
  AXS_TRY(settle());
  auto said = process_->take<T>();
  if (said) return *std::move(said);
  (void)fail({Errc::corrupt, "it has not answered as the protocol says"});
  return *failure_;
}

Result<> RealWorker::fail(const Error& error) {
  // A signal from a terminal may have ended the process as well.
  failure_ = config_.patience->is_over()
                 ? stopped()
                 : Error{error.code, "worker of " + config_.name + ": " + error.what};
  return *failure_;
}

Result<std::vector<std::shared_ptr<RealWorker>>> real_workers(
    const catalog::Scenario& scenario, const std::vector<twin::WorkerSpeed>& speeds,
    const std::string& data, const std::string& folder, const std::shared_ptr<Patience>& patience) {
  const auto contributions = std::make_shared<Contributions>(scenario.sites.size());
  std::vector<std::shared_ptr<RealWorker>> workers;
  for (std::uint32_t i = 0; i < scenario.sites.size(); ++i) {
    const std::string& name = scenario.sites[i].name;
    const std::string own = live::RunFolder{folder}.site(name);
    AXS_TRY(host::make_folder(own));
    const auto launch = live::launch_process(
        {.arguments = {worker_program()}, .log = own + "/worker.log", .nice = 0});
    workers.push_back(std::make_shared<RealWorker>(
        RealWorker::Config{name, launch, live::begin_of(scenario, SiteId{i}, data, own),
                           contributions, patience},
        speeds[i]));
  }
  return workers;
}

Result<std::vector<train::Evaluated>> evaluate(
    const std::vector<std::shared_ptr<RealWorker>>& workers) {
  // All at once: each is told to go on before the first is waited for again.
  for (const auto& worker : workers) worker->ask_evaluation(true);
  std::vector<std::optional<train::Evaluated>> found(workers.size());
  while (std::ranges::find(found, false, &std::optional<train::Evaluated>::has_value) !=
         found.end())
    for (std::size_t i = 0; i < workers.size(); ++i)
      if (!found[i]) found[i] = AXS_TRY(workers[i]->evaluate());
  std::vector<train::Evaluated> evaluated;
  for (const auto& one : found) evaluated.push_back(*one);
  return evaluated;
}

}  // namespace axs::cli
