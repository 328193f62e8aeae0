#include "axs/live/worker_host.h"

#include <algorithm>
#include <csignal>

namespace axs::live {

namespace {

/// A worker that ran for so long was healthy; its end says nothing about the next one.
constexpr Duration healthy_after = seconds(10);

Result<host::RingFds> duplicate_all(const host::RingFds& fds) {
  host::RingFds copies;
  copies.memory = AXS_TRY(host::duplicate(fds.memory));
  copies.data = AXS_TRY(host::duplicate(fds.data));
  copies.space = AXS_TRY(host::duplicate(fds.space));
  return copies;
}

Result<WorkerConnection> launch(const WorkerCommand& command) {
  const host::RingFds out = AXS_TRY(host::make_ring(command.ring_bytes));
  const host::RingFds in = AXS_TRY(host::make_ring(command.ring_bytes));
  host::SpawnOptions options;
  options.arguments = command.arguments;
  // The worker's order: where it sends, where it is told.
  options.arguments.insert(options.arguments.end(),
                           {host::format_ring_fds(in), host::format_ring_fds(out)});
  for (const host::RingFds* ring : {&out, &in})
    for (const host::Fd* fd : {&ring->memory, &ring->data, &ring->space})
      options.inherited_fds.push_back(fd->get());
  options.log = command.log;
  options.nice = command.nice;
  host::RingFds own_out = AXS_TRY(duplicate_all(out));
  host::RingFds own_in = AXS_TRY(duplicate_all(in));
  auto channel = AXS_TRY(WorkerChannel::open(std::move(own_out), std::move(own_in)));
  auto child = AXS_TRY(host::Child::spawn(options));
  return WorkerConnection{std::move(channel), std::move(child)};
}

}  // namespace

int ended_fd(const WorkerConnection& worker) {
  const auto* child = std::get_if<host::Child>(&worker.process);
  return child == nullptr ? std::get<host::Fd>(worker.process).get() : child->fd();
}

std::string how_it_ended(WorkerConnection& worker) {
  auto* child = std::get_if<host::Child>(&worker.process);
  const auto exit = child == nullptr ? std::nullopt : child->poll();
  return exit ? host::describe(*exit) : "ended";
}

WorkerLauncher launch_process(WorkerCommand command) {
  return [command = std::move(command)] { return launch(command); };
}

train::Begin begin_of(const catalog::Scenario& scenario, SiteId site, const std::string& data,
                      const std::string& site_folder) {
  train::Begin begin;
  begin.site = site;
  begin.sites = static_cast<std::uint32_t>(scenario.sites.size());
  begin.seed = scenario.seed;
  begin.model = scenario.model;
  begin.train = scenario.train;
  begin.data = data;
  begin.folder = site_folder + "/worker";
  return begin;
}

WorkerHost::WorkerHost(host::Loop& loop, WorkerLauncher launch, Callbacks callbacks)
    : loop_{loop}, launch_{std::move(launch)}, callbacks_{std::move(callbacks)} {}

WorkerHost::~WorkerHost() {
  quitting_ = true;
  callbacks_.lost = [](const std::string&) {};
  if (restart_) loop_.cancel(*restart_);
  if (connection_) lose("the agent ends");
}

void WorkerHost::start() {
  restart_.reset();
  started_at_ = loop_.now();
  auto connection = launch_();
  if (connection) return adopt(*std::move(connection));
  callbacks_.lost(connection.error().what);
  restart_later();
}

void WorkerHost::adopt(WorkerConnection connection) {
  connection_.emplace(std::move(connection));
  const Result<> watched = [this]() -> Result<> {
    auto& channel = connection_->channel;
    using host::Interest;
    AXS_TRY(loop_.watch(channel.reader().fd(), Interest::readable,
                        [this](host::Ready) { receive_all(); }));
    AXS_TRY(loop_.watch(channel.writer().fd(), Interest::readable,
                        [this](host::Ready) { send_queued(); }));
    return loop_.watch(ended_fd(*connection_), Interest::readable, [this](host::Ready) {
      receive_all();  // What it said last still counts.
      if (connection_) lose(how_it_ended(*connection_));
    });
  }();
  if (!watched) return lose(watched.error().what);
  const auto* child = std::get_if<host::Child>(&connection_->process);
  callbacks_.started(child == nullptr ? 0 : child->identity().pid);
  receive_all();
}

void WorkerHost::receive_all() {
  while (connection_) {
    auto& channel = connection_->channel;
    const auto received = channel.receive();
    if (!received) return lose(received.error().what);
    if (!*received) {
      if (channel.reader().sleep_until_message()) return;
      continue;
    }
    const Result<> taken = callbacks_.message((*received)->message, (*received)->blob);
    if (!connection_) return;
    channel.release();
    if (!taken) return lose(taken.error().what);
  }
}

void WorkerHost::send(train::ToWorker message, ByteVector blob) {
  if (!connection_) return;
  queue_.push_back({std::move(message), std::move(blob)});
  if (queue_.size() == 1) send_queued();
}

void WorkerHost::send_queued() {
  auto& channel = connection_->channel;
  host::clear_event(channel.writer().fd());
  while (!queue_.empty()) {
    const Queued& next = queue_.front();
    const auto sent = channel.send(next.message, next.blob);
    if (!sent) return lose(sent.error().what);
    if (*sent) {
      queue_.pop_front();
      continue;
    }
    const auto size = channel.size_of(next.message, next.blob.size());
    if (!size) return lose(size.error().what);
    if (channel.writer().sleep_until_free(*size)) return;
  }
}

void WorkerHost::quit() {
  quitting_ = true;
  if (restart_) loop_.cancel(*restart_);
  send(train::Quit{});
}

void WorkerHost::kill() {
  const auto* child = connection_ ? std::get_if<host::Child>(&connection_->process) : nullptr;
  if (child != nullptr) (void)child->signal(SIGKILL).has_value();
}

void WorkerHost::lose(const std::string& reason) {
  loop_.unwatch(connection_->channel.reader().fd());
  loop_.unwatch(connection_->channel.writer().fd());
  loop_.unwatch(ended_fd(*connection_));
  connection_.reset();
  queue_.clear();
  callbacks_.lost(reason);
  if (!quitting_) restart_later();
}

void WorkerHost::restart_later() {
  if (loop_.now() - started_at_ > healthy_after) restart_after_ = restart_first;
  restart_ = loop_.after(restart_after_, [this] { start(); });
  restart_after_ = std::min(2 * restart_after_, restart_max);
}

}  // namespace axs::live
