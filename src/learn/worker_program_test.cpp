#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>

#include "axs/core/rng.h"
#include "axs/host/channel.h"
#include "axs/host/file.h"
#include "axs/host/process.h"
#include "axs/learn/worker.h"
#include "axs/learn/worker_testing.h"

using namespace axs;
using namespace axs::learn;
using namespace axs::train;

namespace {

using AgentChannel = host::Channel<ToWorker, FromWorker>;

host::RingFds duplicates(const host::RingFds& fds) {
  return {*host::duplicate(fds.memory), *host::duplicate(fds.data), *host::duplicate(fds.space)};
}

std::vector<int> numbers_of(const host::RingFds& a, const host::RingFds& b) {
  return {a.memory.get(), a.data.get(), a.space.get(), b.memory.get(), b.data.get(), b.space.get()};
}

/// An axs-worker of its own process, and the agent's end of the channel to it.
class Program {
 public:
  explicit Program(std::string log)
      : log_{std::move(log)}, to_{*host::make_ring(1 << 22)}, from_{*host::make_ring(1 << 22)} {
    channel_.emplace(*AgentChannel::open(duplicates(to_), duplicates(from_)));
    child_.emplace(*host::Child::spawn(
        {.arguments = {AXS_WORKER, host::format_ring_fds(from_), host::format_ring_fds(to_)},
         .inherited_fds = numbers_of(from_, to_),
         .log = log_}));
  }

  void tell(const ToWorker& message, ByteView blob = {}) {
    REQUIRE(*channel_->send(message, blob));
  }
  void tell_garbage(ByteView bytes) {
    host::RingWriter writer{*host::RingMemory::map(duplicates(to_))};
    const auto room = *writer.reserve(bytes.size());
    std::copy(bytes.begin(), bytes.end(), room->begin());
    writer.commit(bytes.size());
  }
  /// The next message, if there is one.
  std::optional<Outgoing> heard() {
    const auto got = *channel_->receive();
    if (!got) return std::nullopt;
    Outgoing copy{got->message, {got->blob.begin(), got->blob.end()}};
    channel_->release();
    return copy;
  }
  /// The next message; it must not end before.
  Outgoing wait_for_message() {
    while (true) {
      if (auto message = heard()) return *message;
      if (!channel_->reader().sleep_until_message()) continue;
      if (host::wait_readable(channel_->reader().fd(), child_->fd())) continue;
      if (auto last = heard()) return *last;
      FAIL(describe(child_->wait()) << ": " << log());
    }
  }
  template <class Message>
  Message wait_for() {
    while (true) {
      const auto got = wait_for_message();
      if (const auto* failed = std::get_if<Failed>(&got.message)) FAIL(failed->what);
      if (const auto* message = std::get_if<Message>(&got.message)) return *message;
    }
  }
  host::RingReader& reader() { return channel_->reader(); }
  host::Exit kill() {
    (void)child_->signal(SIGKILL);
    return child_->wait();
  }
  host::Exit wait() { return child_->wait(); }
  std::string log() const {
    const auto text = *host::read_file(log_, 1 << 20);
    return {text.begin(), text.end()};
  }

 private:
  std::string log_;
  host::RingFds to_, from_;
  std::optional<AgentChannel> channel_;
  std::optional<host::Child> child_;
};

/// Three programs in lock-step: a sync is decided once all have captured it. Each is killed now and
/// then, at any moment, and told again what it lacks.
class Coordinator {
 public:
  Coordinator(std::uint64_t seed, std::size_t syncs) : rng_{seed}, syncs_{syncs} {
    for (std::uint32_t i = 0; i < sites; ++i) {
      jobs_.push_back(small_job(folder_, i, sites));
      start(i);
    }
  }
  void run() {
    while (!done()) {
      wait();
      for (std::uint32_t i = 0; i < sites; ++i)
        while (auto message = programs_[i]->heard())
          std::visit([&](const auto& m) { on(i, m, message->blob); }, message->message);
      if (!done() && decided_.size() >= next_kill_)
        kill(static_cast<std::uint32_t>(rng_.below(sites)));
    }
  }
  std::vector<std::unique_ptr<Program>>& programs() { return programs_; }
  int kills() const { return kills_; }

 private:
  static constexpr std::uint32_t sites = 3;
  struct Told {
    SiteSync::Apply apply;
    ByteVector blob;
  };
  struct Offered {
    Contribution contribution;
    ByteVector blob;
  };

  bool done() const {
    for (const SyncId applied : applied_)
      if (applied.value < syncs_) return false;
    return true;
  }
  void start(std::uint32_t i) {
    ready_[i] = false;
    programs_[i].reset();
    programs_[i] = std::make_unique<Program>(folder_.path() + "/log" + std::to_string(i));
    programs_[i]->tell(jobs_[i]);
  }
  void kill(std::uint32_t i) {
    // A sync takes some milliseconds: this hits steps, captures and saves alike.
    ::usleep(static_cast<useconds_t>(rng_.below(4'000)));
    next_kill_ = decided_.size() + 1 + rng_.below(3);
    CHECK(programs_[i]->kill() == host::Exit{.signal = SIGKILL});
    ++kills_;
    start(i);
  }
  void wait() {
    std::array<pollfd, sites> waited;
    for (std::uint32_t i = 0; i < sites; ++i) {
      if (!programs_[i]->reader().sleep_until_message()) return;
      waited[i] = {programs_[i]->reader().fd(), POLLIN, 0};
    }
    (void)::poll(waited.data(), waited.size(), 5);
  }

  void on(std::uint32_t i, const Ready& ready, const ByteVector& blob) {
    ready_[i] = true;
    ByteView rest = blob;
    for (const auto& captured : ready.state.pending) {
      offer(i, captured, rest.first(captured.contribution.size));
      rest = rest.subspan(captured.contribution.size);
    }
    for (std::uint64_t q = ready.state.applied.value; q < decided_.size(); ++q) hand_over(i, q);
    order(i);
    decide_if_complete();
  }
  void on(std::uint32_t i, const SiteSync::Captured& captured, const ByteVector& blob) {
    offer(i, captured, blob);
    decide_if_complete();
  }
  void decide_if_complete() {
    if (offers_.size() < sites || decided_.size() == syncs_) return;
    Told told{{{decided_.size()}, {}, {}, 0}, {}};
    for (const auto& [site, offered] : offers_) {
      told.apply.decision.members.push_back(offered.contribution);
      told.blob.insert(told.blob.end(), offered.blob.begin(), offered.blob.end());
    }
    decided_.push_back(told);
    offers_.clear();
    for (std::uint32_t site = 0; site < sites; ++site) {
      if (!ready_[site]) continue;
      hand_over(site, decided_.size() - 1);
      order(site);
    }
  }
  void on(std::uint32_t i, const SiteSync::Applied& applied, const ByteVector&) {
    CHECK(hashes_.emplace(applied.sync, applied.hash).first->second == applied.hash);
    applied_[i] = std::max(applied_[i], next(applied.sync));
  }
  void on(std::uint32_t, const Failed& failed, const ByteVector&) { FAIL(failed.what); }
  void on(std::uint32_t, const Progress& progress, const ByteVector&) { CHECK(progress.steps > 0); }
  template <class Message>
  void on(std::uint32_t, const Message&, const ByteVector&) {
    FAIL("not asked for");
  }

  void offer(std::uint32_t i, const SiteSync::Captured& captured, ByteView blob) {
    CHECK(sha256(blob) == captured.contribution.content);
    // What it has once said, it says again.
    const std::uint64_t sync = captured.sync.value;
    if (sync < decided_.size())
      CHECK(decided_[sync].apply.decision.members[i] == captured.contribution);
    else
      CHECK(offers_.emplace(i, Offered{captured.contribution, {blob.begin(), blob.end()}})
                .first->second.contribution == captured.contribution);
  }
  void hand_over(std::uint32_t i, std::uint64_t q) {
    programs_[i]->tell(decided_[q].apply, decided_[q].blob);
  }
  void order(std::uint32_t i) {
    if (decided_.size() < syncs_ && !offers_.contains(i))
      programs_[i]->tell(SiteSync::Capture{{decided_.size()}, 4});
  }

  TestFolder folder_;
  Rng rng_;
  std::size_t syncs_;
  std::vector<Begin> jobs_;
  std::vector<std::unique_ptr<Program>> programs_ = std::vector<std::unique_ptr<Program>>(sites);
  std::vector<Told> decided_;
  std::map<std::uint32_t, Offered> offers_;  ///< for the next decision
  std::map<SyncId, Hash256> hashes_;
  std::array<SyncId, sites> applied_{};
  std::array<bool, sites> ready_{};
  std::size_t next_kill_ = 1;
  int kills_ = 0;
};

/// The job of one site, of which the program has said that it is ready.
Program started(const TestFolder& folder) {
  Program program{folder.path() + "/log"};
  program.tell(small_job(folder, 0, 1));
  (void)program.wait_for<Ready>();
  return program;
}

}  // namespace

TEST_CASE("axs-worker: three of them, killed at any moment, go on where they were") {
  Coordinator coordinator{1, 24};
  coordinator.run();
  CHECK(coordinator.kills() >= 8);
  for (auto& program : coordinator.programs()) {
    program->tell(Evaluate{true});
    CHECK(program->wait_for<Evaluated>().loss < 2);  // ln 256 is 5.5.
    program->tell(Quit{});
    CHECK(program->wait() == host::Exit{});
    CHECK(program->log().empty());
  }
}

TEST_CASE("axs-worker: it reports its progress, however slow, and listens all the while") {
  const TestFolder folder;
  Program program = started(folder);
  program.tell(SiteSync::Capture{{0}, 1'000'000});
  const auto fast = program.wait_for<Progress>();
  CHECK(fast.tokens == fast.steps * 32);
  CHECK(fast.loss < 5.6);
  program.tell(Slow{50});
  (void)program.wait_for<Progress>();  // Of both speeds.
  const auto slow = program.wait_for<Progress>();
  CHECK(slow.step_time > 2 * fast.step_time);
  program.tell(SiteSync::Capture{{0}, 0});
  const auto captured = program.wait_for<SiteSync::Captured>();
  CHECK(captured.contribution.tokens.end >= slow.tokens);
  program.tell(Quit{});
  CHECK(program.wait() == host::Exit{});
}

TEST_CASE("axs-worker: in lockstep it does one thing per message, and says that it is done") {
  const TestFolder folder;
  Program program{folder.path() + "/log"};
  Begin begin = small_job(folder, 0, 1);
  begin.lockstep = true;
  const auto paused = [&](const ToWorker& message) {
    program.tell(message);
    while (true) {
      const Outgoing said = program.wait_for_message();
      if (const auto* captured = std::get_if<SiteSync::Captured>(&said.message))
        CHECK(sha256(said.blob) == captured->contribution.content);
      if (const auto* done = std::get_if<Paused>(&said.message)) return *done;
    }
  };
  CHECK(paused(begin).next == WorkerTask::wait);
  CHECK(paused(Proceed{}).tokens == 0);  // There is nothing to do.
  CHECK(paused(SiteSync::Capture{{0}, 2}).next == WorkerTask::step);
  const Paused first = paused(Proceed{});
  CHECK(first.tokens == 32);
  CHECK(first.loss == doctest::Approx(5.5).epsilon(0.05));
  ::usleep(100'000);  // It would be at the next step for long, were it not in lockstep.
  const Paused second = paused(Proceed{});
  CHECK(second.tokens == 64);
  CHECK(second.next == WorkerTask::capture);
  CHECK(paused(Proceed{}).next == WorkerTask::wait);
  CHECK(paused(Evaluate{false}).next == WorkerTask::evaluate);
  program.tell(Quit{});
  CHECK(program.wait() == host::Exit{});
}

TEST_CASE("axs-worker: what it cannot do, it says, on its channel and in one line") {
  const TestFolder folder;
  const auto why = [&](const ToWorker& first, auto tell) {
    Program program{folder.path() + "/log"};
    program.tell(first);
    tell(program);
    Outgoing got = program.wait_for_message();
    if (std::holds_alternative<Ready>(got.message)) got = program.wait_for_message();
    const auto what = std::get<Failed>(got.message).what;
    CHECK(program.wait().signal == 0);
    CHECK(program.log().ends_with("axs-worker: " + what + "\n"));
    return what;
  };
  const Begin begin = small_job(folder, 0, 1);
  CHECK(why(Quit{}, [](Program&) {}) == "worker: another message first, want begin");
  Begin missing = begin;
  missing.data = folder.path() + "/none";
  CHECK(why(missing, [](Program&) {}).find("/none: no such file") != std::string::npos);
  CHECK(why(begin, [&](Program& program) { program.tell(begin); }) ==
        "worker: a second begin, want one");
  CHECK(why(begin, [](Program& program) { program.tell(Slow{-1}); }).find("worker: slow by") == 0);
  CHECK(why(begin, [](Program& program) { program.tell_garbage(ByteVector(100, 0xff)); }) ==
        "channel: malformed message");
}

TEST_CASE("worker: no message, whatever is damaged in it, crashes it") {
  const TestFolder folder;
  Rng rng{1};
  std::optional<Worker> worker;
  worker.emplace(*Worker::create(small_job(folder, 0, 1)));
  std::vector<Outgoing> said;
  REQUIRE(worker->receive(SiteSync::Capture{{0}, 1}, {}, said));
  while (said.empty()) REQUIRE(worker->work(said));
  const auto captured = std::get<SiteSync::Captured>(said[0].message);
  const ByteVector blob = said[0].blob;
  const ToWorker good = SiteSync::Apply{{0}, {{captured.contribution}, {}}, {}, 9};
  int taken = 0;
  for (int i = 0; i < 2'000; ++i) {
    ByteVector bytes = to_wire(good), codes = blob;
    ByteVector& target = rng.chance(0.8) ? bytes : codes;
    target[rng.below(target.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
    if (rng.chance(0.2)) target.resize(rng.below(target.size()));
    const auto message = from_wire<ToWorker>(bytes, "channel");
    if (!message || !worker->receive(*message, codes, said)) continue;
    // It was one that may be: the flipped bit was in a field that can be anything.
    ++taken;
    worker.reset();
    worker.emplace(*Worker::create(small_job(folder, 0, 1)));
  }
  CHECK(taken < 1'000);
  CHECK(worker->receive(good, blob, said));
}
