#include "axs/learn/worker.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>

#include "axs/learn/job.h"
#include "axs/learn/worker_testing.h"

using namespace axs;
using namespace axs::learn;
using namespace axs::train;

namespace {

constexpr std::uint64_t step_tokens = 32;

std::string why_failed(const Result<>& result) {
  return result ? "" : result.error().what;
}

/// A worker, and what it said.
struct Held {
  explicit Held(const Begin& job) : begin{job} { start(); }

  void start() {
    worker.reset();
    worker.emplace(*Worker::create(begin));
  }
  Result<> tell(const ToWorker& message, ByteView bytes = {}) {
    return worker->receive(message, bytes, said);
  }
  void steps(int n) {
    for (int i = 0; i < n; ++i) {
      REQUIRE(worker->next_work() == Worker::Work::step);
      REQUIRE(worker->work(said));
      losses[worker->position()] = worker->loss();
    }
  }
  /// Steps until it captures; what it then said.
  SiteSync::Captured capture(SyncId sync, std::uint32_t after) {
    REQUIRE(tell(SiteSync::Capture{sync, after}));
    while (worker->next_work() == Worker::Work::step) steps(1);
    REQUIRE(worker->next_work() == Worker::Work::capture);
    REQUIRE(worker->work(said));
    blob = said.back().blob;
    return std::get<SiteSync::Captured>(said.back().message);
  }
  Hash256 apply(const SiteSync::Apply& apply, ByteView bytes) {
    REQUIRE(why_failed(tell(apply, bytes)) == "");
    return std::get<SiteSync::Applied>(said.back().message).hash;
  }

  Begin begin;
  std::optional<Worker> worker;
  std::vector<Outgoing> said;
  ByteVector blob;                         ///< of the last capture
  std::map<std::uint64_t, double> losses;  ///< by the position after the step
};

/// What all sites are told about one sync.
struct Told {
  SiteSync::Apply apply;
  ByteVector blob;
};

/// Two sites exchange sync after sync, `overlap` steps after the capture; some syncs are without
/// the first, some empty. The first is killed at some of them, and catches up.
struct Story {
  std::vector<Hash256> hashes, contents;
  std::map<std::uint64_t, double> losses;
  std::vector<float> shared;
  bool operator==(const Story&) const = default;
};

enum class Killed { never, before_overlap, after_overlap };

Told decide(SyncId sync, std::array<SiteSync::Captured, 2> captured, std::array<Held*, 2> sites) {
  Told told{{sync, {}, {}, sync.value * 5 * 2 * step_tokens}, {}};
  for (std::size_t i = 0; i < 2; ++i) {
    const bool in = sync.value % 7 != 3 && (i == 1 || sync.value % 5 != 2);
    if (!in) continue;
    told.apply.decision.members.push_back(captured[i].contribution);
    told.blob.insert(told.blob.end(), sites[i]->blob.begin(), sites[i]->blob.end());
  }
  return told;
}

Story tell_story(Killed killed) {
  const TestFolder folder;
  Held a{small_job(folder, 0, 2)}, b{small_job(folder, 1, 2)};
  Story story;
  for (SyncId sync; sync.value < 16; sync = next(sync)) {
    const std::array captured{a.capture(sync, 5), b.capture(sync, 5)};
    CHECK(captured[0].applied == sync);
    const Told told = decide(sync, captured, {&a, &b});
    const bool kill = sync.value % 3 == 1;
    if (killed == Killed::before_overlap && kill) a.start();
    for (Held* site : {&a, &b}) {
      REQUIRE(site->tell(SiteSync::Capture{next(sync), 5}));
      site->steps(3);
      if (killed != Killed::after_overlap || !kill || site == &b) continue;
      a.start();
      REQUIRE(a.tell(SiteSync::Capture{next(sync), 5}));
      a.steps(3);
    }
    story.hashes.push_back(a.apply(told.apply, told.blob));
    CHECK(b.apply(told.apply, told.blob) == story.hashes.back());
    story.contents.push_back(captured[0].contribution.content);
  }
  story.losses = a.losses;
  story.shared = a.worker->shared_parameters();
  CHECK(b.worker->shared_parameters() == story.shared);
  return story;
}

}  // namespace

TEST_CASE("worker: killed and started again, it goes on bit for bit") {
  const Story straight = tell_story(Killed::never);
  CHECK(straight.losses.rbegin()->second < 0.7 * straight.losses.begin()->second);
  CHECK(tell_story(Killed::before_overlap) == straight);
  CHECK(tell_story(Killed::after_overlap) == straight);
}

TEST_CASE("worker: it waits for orders, steps until the capture is due, and for the decision") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  CHECK(site.worker->next_work() == Worker::Work::wait);
  const auto ready = std::get<Ready>(site.worker->ready().message);
  CHECK(ready.state.pending.empty());
  CHECK(ready.parameters == site.worker->shared_parameters().size());

  const auto first = site.capture({0}, 2);
  CHECK(first.contribution.tokens == TokenRange{0, 2 * step_tokens});
  CHECK(first.contribution.size == site.blob.size());
  CHECK(first.contribution.content == sha256(site.blob));
  CHECK(site.worker->next_work() == Worker::Work::wait);
  CHECK(site.capture({1}, 3).contribution.tokens == TokenRange{0, 5 * step_tokens});
  REQUIRE(site.tell(SiteSync::Capture{{2}, 2}));
  site.steps(2);
  CHECK(site.worker->next_work() == Worker::Work::wait);  // Sync 0 is not decided.
}

TEST_CASE("worker: it goes on so many steps after a capture until it is merged, as it was told") {
  for (const std::uint32_t overlap : {0U, 3U}) {
    const TestFolder folder;
    Begin begin = small_job(folder, 0, 1);
    begin.train.outer.overlap = overlap;
    Held site{begin};
    const auto first = site.capture({0}, 5);
    REQUIRE(site.tell(SiteSync::Capture{{1}, 5}));
    site.steps(static_cast<int>(overlap));
    CHECK(site.worker->next_work() == Worker::Work::wait);
    SiteSync::Apply apply{{0}, {}, {}, 0};
    apply.decision.members.push_back(first.contribution);
    site.apply(apply, site.blob);
    site.steps(5 - static_cast<int>(overlap));
    CHECK(site.worker->next_work() == Worker::Work::capture);
  }
}

TEST_CASE("worker: an order whose sync is decided is void, and so is one that comes late") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  REQUIRE(site.tell(SiteSync::Capture{{0}, 5}));
  site.steps(1);
  site.apply({{0}, {}, {}, 0}, {});
  CHECK(site.worker->next_work() == Worker::Work::wait);
  REQUIRE(site.tell(SiteSync::Capture{{0}, 0}));
  CHECK(site.worker->next_work() == Worker::Work::wait);
  CHECK(site.capture({1}, 1).contribution.tokens == TokenRange{0, step_tokens});
}

TEST_CASE("worker: at its stop it captures at once, and then nothing") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  const auto first = site.capture({0}, 2);
  site.apply({{0}, {{first.contribution}, {}}, 5 * step_tokens, 2 * step_tokens}, site.blob);
  const auto second = site.capture({1}, 100);
  CHECK(second.contribution.tokens == TokenRange{0, 5 * step_tokens});
  const ByteVector blob = site.blob;
  const auto third = site.capture({2}, 100);
  CHECK(third.contribution.tokens == TokenRange{2 * step_tokens, 5 * step_tokens});
  site.apply({{1}, {{second.contribution}, {}}, {}, 5 * step_tokens}, blob);
  site.apply({{2}, {{third.contribution}, {}}, {}, 5 * step_tokens}, site.blob);
  const auto none = site.capture({3}, 100);
  CHECK(none.contribution.tokens == TokenRange{5 * step_tokens, 5 * step_tokens});
  CHECK(none.contribution.size == 0);
  CHECK(site.blob.empty());
  // Started again, it says the same of it.
  site.start();
  const auto [ready, bytes] = site.worker->ready();
  CHECK(std::get<Ready>(ready).state.applied == SyncId{3});
  CHECK(std::get<Ready>(ready).state.pending.at(0).contribution == none.contribution);
  CHECK(bytes.empty());
}

TEST_CASE("worker: a saved state names what it has merged last, with the hashes") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  std::vector<SiteSync::Applied> merged;
  for (std::uint64_t q = 0; q < 4; ++q) {
    const auto captured = site.capture({q}, 1);
    const Hash256 hash = site.apply({{q}, {{captured.contribution}, {}}, {}, 0}, site.blob);
    merged.push_back({{q}, hash});
  }
  site.start();  // The last merge was not saved.
  merged.pop_back();
  const auto ready = std::get<Ready>(site.worker->ready().message);
  CHECK(ready.state.applied == SyncId{3});
  CHECK(to_wire(ready.merges) == to_wire(merged));
}

TEST_CASE("worker: of many merges it names the last") {
  std::vector<SiteSync::Applied> merges;
  for (std::uint64_t q = 0; q < merges_remembered + 3; ++q) remember(merges, {{q}, {}});
  CHECK(merges.size() == merges_remembered);
  CHECK(merges.front().sync == SyncId{3});
  CHECK(merges.back().sync == SyncId{merges_remembered + 2});
}

TEST_CASE("worker: started again, it says what is pending, with the bytes") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  const auto first = site.capture({0}, 2);
  ByteVector blob = site.blob;
  const auto second = site.capture({1}, 2);
  blob.insert(blob.end(), site.blob.begin(), site.blob.end());
  site.start();
  const auto [ready, bytes] = site.worker->ready();
  const auto& pending = std::get<Ready>(ready).state.pending;
  REQUIRE(pending.size() == 2);
  CHECK(pending[0].contribution == first.contribution);
  CHECK(pending[1].contribution == second.contribution);
  CHECK(bytes == blob);
  CHECK(site.worker->position() == 4 * step_tokens);
}

TEST_CASE(
    "worker: its own part of an earlier life, of which nothing is left, is merged all the same") {
  const TestFolder folder;
  Held a{small_job(folder, 0, 2)}, b{small_job(folder, 1, 2)};
  const Told told = decide({0}, {a.capture({0}, 5), b.capture({0}, 4)}, {&a, &b});
  std::filesystem::remove_all(a.begin.folder);
  a.start();
  CHECK(a.apply(told.apply, told.blob) == b.apply(told.apply, told.blob));
  CHECK(a.worker->position() == 5 * step_tokens);
  CHECK(a.capture({2}, 1).contribution.tokens.begin == 5 * step_tokens);
}

TEST_CASE("worker: what is wrong with an apply is said, and nothing of it is merged") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 2)}, other{small_job(folder, 1, 2)};
  const Told good = decide({0}, {site.capture({0}, 5), other.capture({0}, 5)}, {&site, &other});
  const auto before = site.worker->shared_parameters();
  const auto why = [&](auto change) {
    Told told = good;
    change(told);
    const auto result = site.tell(told.apply, told.blob);
    CHECK(site.worker->shared_parameters() == before);
    return why_failed(result);
  };
  CHECK(why([](Told& t) { t.apply.sync = {1}; }) == "worker: apply of sync 1, want sync 0");
  CHECK(why([](Told& t) { t.blob[9] ^= 1; }) ==
        "worker: sync 0: the bytes of site 0 are damaged, their hash is another");
  CHECK(why([](Told& t) { t.blob.pop_back(); }).find("bytes, want ") != std::string::npos);
  CHECK(why([](Told& t) { std::swap(t.apply.decision.members[0], t.apply.decision.members[1]); }) ==
        "worker: sync 0: contributions out of the order of their sites");
  CHECK(why([](Told& t) { t.apply.decision.members[0].tokens.begin = 32; }) ==
        "worker: sync 0: own tokens from 32, want from 0");
  // Well hashed, but no codes.
  CHECK(why([](Told& t) {
          Contribution& last = t.apply.decision.members[1];
          const std::size_t at = t.blob.size() - last.size;
          t.blob[at] ^= 1;
          last.content = sha256(ByteView{t.blob}.subspan(at));
        }).find("worker: sync 0: ") == 0);
  CHECK(site.apply(good.apply, good.blob) == other.apply(good.apply, good.blob));
}

TEST_CASE("worker: a job that it does not know, or another than the saved one, is refused") {
  const TestFolder folder;
  const Begin good = small_job(folder, 0, 2);
  const auto why = [&](auto change) {
    Begin begin = good;
    change(begin);
    const auto worker = Worker::create(begin);
    return worker ? "" : worker.error().what;
  };
  CHECK(why([](Begin& b) { b.version = 9; }) == "worker: protocol version 9, want 8");
  CHECK(why([](Begin& b) { b.site = {2}; }) == "worker: site 2, want below 2");
  CHECK(why([](Begin& b) { b.model.width = 1 << 30; }).find("model: ") == 0);
  CHECK(why([](Begin& b) { b.train.outer.fragments = 9; }).find("fragments: 9") == 0);
  Held{good}.capture({0}, 1);
  CHECK(why([](Begin& b) { b.seed = 4; }).find("saved state of another job") != std::string::npos);
  CHECK(why([](Begin&) {}) == "");
}

TEST_CASE("worker: it evaluates and exports the parameters that all sites share") {
  const TestFolder folder;
  Held site{small_job(folder, 0, 1)};
  REQUIRE(site.tell(SiteSync::Capture{{0}, 50}));
  REQUIRE(site.tell(Evaluate{true}));
  while (site.worker->next_work() == Worker::Work::evaluate) REQUIRE(site.worker->work(site.said));
  const auto fresh = std::get<Evaluated>(site.said.back().message);
  const auto capture = site.capture({0}, 50);
  REQUIRE(site.tell(Evaluate{true}));
  REQUIRE(site.tell(Evaluate{false}));
  while (site.worker->next_work() == Worker::Work::evaluate) REQUIRE(site.worker->work(site.said));
  const auto whole = std::get<Evaluated>(site.said[site.said.size() - 2].message);
  const auto part = std::get<Evaluated>(site.said.back().message);
  CHECK(whole.loss == fresh.loss);  // Nothing is merged yet.
  CHECK(whole.tokens > part.tokens);
  CHECK(part.tokens == 16'384);
  CHECK(part.loss == doctest::Approx(whole.loss).epsilon(0.05));
  site.apply({{0}, {{capture.contribution}, {}}, {}, 0}, site.blob);
  REQUIRE(site.tell(Evaluate{true}));
  while (site.worker->next_work() == Worker::Work::evaluate) REQUIRE(site.worker->work(site.said));
  CHECK(std::get<Evaluated>(site.said.back().message).loss < fresh.loss);

  REQUIRE(site.tell(Export{folder.path() + "/model"}));
  CHECK(std::holds_alternative<Exported>(site.said.back().message));
  CHECK(std::filesystem::exists(folder.path() + "/model/model.safetensors"));
}

TEST_CASE("worker: the learning rate follows the progress of all sites and never turns back") {
  const TestFolder folder;
  Begin begin = small_job(folder, 0, 2);
  const double scale = begin.train.outer.inner_scale = 1.5;
  Held site{begin};
  const auto rates = [&](std::uint32_t steps, SyncId sync) {
    const auto captured = site.capture(sync, steps);
    return std::pair{captured, site.worker->learning_rate()};
  };
  const LearningRate wanted{.peak = 1e-2 * scale, .floor = 1e-3 * scale, .warmup = 5, .steps = 100};
  CHECK(site.worker->learning_rate() == wanted.at(0));
  const auto [captured, rate] = rates(20, {0});
  CHECK(rate == wanted.at(20));  // The other one is taken to be as fast.
  site.apply({{0}, {{captured.contribution}, {}}, {}, 20 * step_tokens}, site.blob);
  CHECK(site.worker->learning_rate() == wanted.at(20));  // It was not, but there is no way back.
  rates(10, {1});
  CHECK(site.worker->learning_rate() == wanted.at(20));
  site.apply({{1}, {}, {}, 160 * step_tokens}, {});
  CHECK(site.worker->learning_rate() == wanted.at(90));
}

TEST_CASE("worker: beta1 is that of outer synchronisation, or of the batch in every step") {
  const TestFolder folder;
  Begin begin = small_job(folder, 0, 2);
  begin.train.inner.beta1 = 0.75;
  begin.train.outer.inner_beta1 = 0.25;
  CHECK(trainer_options(begin)->optimiser.beta1 == 0.25F);
  begin.train.sync = catalog::SyncMode::every_step;
  CHECK(trainer_options(begin)->optimiser.beta1 == 0.75F);
}
