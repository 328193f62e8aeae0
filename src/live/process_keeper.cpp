#include "axs/live/process_keeper.h"

#include <utility>

#include "axs/host/lock.h"

namespace axs::live {

ProcessKeeper::~ProcessKeeper() {
  for (const auto& [name, held] : processes_) loop_.unwatch(process_of(held).fd());
}

const host::Process& ProcessKeeper::process_of(const Held& held) {
  return std::visit([](const auto& process) -> const host::Process& { return process; }, held);
}

Result<bool> ProcessKeeper::attach(const Program& program) {
  auto identity = AXS_TRY(state_.process(program.name));
  auto process = identity ? host::Process::attach(*identity) : Error{Errc::not_found, {}};
  if (!process && !program.lock.empty()) {
    // A launcher that was killed between the start and its note of it.
    identity = AXS_TRY(host::FileLock::holder(program.lock));
    if (identity) process = host::Process::attach(*identity);
  }
  if (!process) return false;
  AXS_TRY(state_.note_process(program.name, process->identity()));
  AXS_TRY(adopt(program.name, *std::move(process)));
  return true;
}

Result<std::int32_t> ProcessKeeper::start(const Program& program) {
  auto child = AXS_TRY(host::Child::spawn(
      {.arguments = program.arguments, .log = program.log, .lifetime = host::Lifetime::detached}));
  const host::ProcessIdentity identity = child.identity();
  AXS_TRY(adopt(program.name, std::move(child)));
  AXS_TRY(state_.note_process(program.name, identity));
  return identity.pid;
}

Result<> ProcessKeeper::adopt(const std::string& name, Held held) {
  AXS_ASSERT(!running(name));
  const int fd = process_of(held).fd();
  processes_.emplace(name, std::move(held));
  return loop_.watch(fd, host::Interest::readable, [this, name](host::Ready) { note_end(name); });
}

void ProcessKeeper::note_end(const std::string& name) {
  const auto found = processes_.find(name);
  auto* child = std::get_if<host::Child>(&found->second);
  const std::optional<host::Exit> exit = child == nullptr ? std::nullopt : child->poll();
  if (child != nullptr && !exit) return;  // Not quite yet.
  loop_.unwatch(process_of(found->second).fd());
  processes_.erase(found);
  ended_(std::string{name}, exit);
}

std::int32_t ProcessKeeper::pid(const std::string& name) const {
  const auto found = processes_.find(name);
  return found == processes_.end() ? 0 : process_of(found->second).identity().pid;
}

void ProcessKeeper::signal(const std::string& name, int number) const {
  const auto found = processes_.find(name);
  if (found != processes_.end()) (void)process_of(found->second).signal(number).has_value();
}

void ProcessKeeper::signal_all(int number) const {
  for (const auto& [name, held] : processes_) (void)process_of(held).signal(number).has_value();
}

}  // namespace axs::live
