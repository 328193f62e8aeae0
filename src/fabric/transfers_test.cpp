#include "axs/fabric/transfers.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <deque>

#include "axs/core/rng.h"

using namespace axs;
using namespace axs::fabric;

namespace {

constexpr SiteId sender{0}, receiver{1};
constexpr TransferId only{0};
constexpr std::uint64_t piece = transfer_piece_max;

catalog::Transfer one_transfer(catalog::FaultTime at = Duration{}) {
  catalog::Transfer transfer;
  transfer.from = sender;
  transfer.to = receiver;
  transfer.name = "model";
  transfer.at = at;
  return transfer;
}

/// Both ends of one transfer, with what the transport promises: a message arrives once between two
/// incarnations, in any order; at the next incarnation of its receiver maybe again; and never once
/// its sender is gone. Disks do one thing after the other, and forget what they have not done.
class World {
 public:
  World(std::uint64_t size, std::uint64_t seed) : size_{size}, rng_{seed} {
    for (const SiteId site : {sender, receiver}) start(site);
  }

  /// One thing that may happen happens; false if nothing is left to.
  bool move() {
    const std::array things{messages_.size(), disks_[0].size(), disks_[1].size()};
    std::uint64_t left = things[0] + things[1] + things[2];
    if (left == 0) return false;
    std::uint64_t chosen = rng_.below(left);
    if (chosen < things[0]) return deliver(chosen), true;
    work(chosen - things[0] < things[1] ? sender : receiver);
    return true;
  }
  void restart(SiteId site) {
    disks_[site.value].clear();
    std::erase_if(messages_, [site](const auto& message) { return message.from == site; });
    // Of what the earlier life was told the sender may not have heard.
    for (const Message& message : told_[site.value])
      if (rng_.chance(0.5)) messages_.push_back(message);
    told_[site.value].clear();
    told_[1 - site.value].clear();
    waiting_ = site == receiver ? std::map<std::uint64_t, std::uint64_t>{} : waiting_;
    start(site);
    step(SiteId{1 - site.value}, Transfers::PeerStarted{site});
  }
  void run() {
    while (move()) {
    }
  }
  bool over() const { return ends_[0]->over() && ends_[1]->over(); }
  std::uint64_t held() const { return held_; }
  std::uint64_t sent() const { return sent_; }
  int done() const { return done_; }
  int refused() const { return refused_; }
  void fail_next_write() { write_fails_ = true; }
  void spoil_next_copy() { copy_is_wrong_ = true; }
  void step(SiteId site, const Transfers::Event& event) {
    std::vector<TransferAction> actions;
    ends_[site.value]->step(now_, event, actions);
    for (const auto& action : actions) std::visit([&](const auto& a) { perform(site, a); }, action);
  }

 private:
  struct Message {
    SiteId from;
    TransferMessage body;
  };
  using Work = std::variant<OpenTransfer, ReadPiece, AcceptTransfer, KeepPiece>;

  void start(SiteId site) {
    const std::uint32_t incarnation = ++incarnations_[site.value];
    ends_[site.value].emplace(Transfers::Config{site, incarnation, {one_transfer()}, 0});
    step(site, Wakeup{});
    step(site, Transfers::PeerStarted{SiteId{1 - site.value}});
  }
  void deliver(std::size_t index) {
    const Message message = messages_[index];
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(index));
    const SiteId to{1 - message.from.value};
    told_[to.value].push_back(message);
    step(to, Transfers::Heard{message.from, message.body});
  }
  void work(SiteId site) {
    const Work work = disks_[site.value].front();
    disks_[site.value].pop_front();
    std::visit([&](const auto& w) { finish(w); }, work);
  }
  void finish(const OpenTransfer&) { step(sender, TransferOpened{only, size_, content_}); }
  void finish(const ReadPiece& work) { step(sender, PieceRead{work.piece}); }
  void finish(const AcceptTransfer&) {
    waiting_.clear();
    step(receiver, TransferHeld{only, content_, held_});
  }
  void finish(const KeepPiece& work) {
    if (std::exchange(write_fails_, false)) return step(receiver, TransferBroken{only});
    waiting_[work.piece.offset] = work.piece.size;
    std::uint64_t in_memory = 0;
    for (const auto& [offset, size] : waiting_) in_memory += size;
    RC_ASSERT(in_memory <= transfer_window);
    const std::uint64_t before = held_;
    for (auto next = waiting_.find(held_); next != waiting_.end(); next = waiting_.find(held_)) {
      held_ += next->second;
      waiting_.erase(next);
    }
    most_held_ = std::max(most_held_, held_);
    if (held_ == size_ && std::exchange(copy_is_wrong_, false)) {
      held_ = 0;
      return step(receiver, TransferSpoilt{only, content_});
    }
    if (held_ > before) step(receiver, TransferHeld{only, content_, held_});
  }

  template <class Asked>
    requires std::is_constructible_v<Work, Asked>
  void perform(SiteId site, const Asked& action) {
    disks_[site.value].push_back(action);
  }
  void perform(SiteId site, const SendTransferMessage& action) {
    RC_ASSERT(action.to.value == 1 - site.value);
    messages_.push_back({site, action.message});
    const auto* sent = std::get_if<TransferPiece>(&action.message);
    if (sent == nullptr) return;
    sent_ += sent->size;
    RC_ASSERT(sent->offset + sent->size <= most_held_ + transfer_window);
  }
  void perform(SiteId, const TransferBegan& action) { RC_ASSERT(action.kept <= most_held_); }
  void perform(SiteId, const TransferProgressed& action) { RC_ASSERT(action.kept <= most_held_); }
  void perform(SiteId, const TransferDone& action) {
    ++done_;
    RC_ASSERT(action.size == size_ && held_ == size_);
  }
  void perform(SiteId, const TransferRefused&) { ++refused_; }
  void perform(SiteId, const TransferLie&) { RC_FAIL("both are honest"); }

  std::uint64_t size_;
  Rng rng_;
  Instant now_;
  const Hash256 content_{1};
  std::array<std::optional<Transfers>, 2> ends_;
  std::array<std::uint32_t, 2> incarnations_{};
  std::vector<Message> messages_;
  std::array<std::vector<Message>, 2> told_;
  std::array<std::deque<Work>, 2> disks_;
  std::uint64_t held_ = 0;
  std::uint64_t most_held_ = 0;  ///< Before a copy was thrown away, which the sender may not know.
  std::map<std::uint64_t, std::uint64_t> waiting_;
  std::uint64_t sent_ = 0;
  int done_ = 0, refused_ = 0;
  bool write_fails_ = false, copy_is_wrong_ = false;
};

/// One end alone.
struct Alone {
  explicit Alone(SiteId self, catalog::FaultTime at = Duration{})
      : transfers{{self, 1, {one_transfer(at)}, 1'000}} {}
  std::vector<TransferAction> step(const Transfers::Event& event, Instant now = {}) {
    std::vector<TransferAction> actions;
    transfers.step(now, event, actions);
    return actions;
  }
  bool believes(SiteId from, const TransferMessage& message) {
    const auto actions = step(Transfers::Heard{from, message});
    return actions.empty() || !std::holds_alternative<TransferLie>(actions.back());
  }
  Transfers transfers;
};

}  // namespace

TEST_CASE("transfers: every byte is kept once, in order, and both ends know") {
  for (const std::uint64_t size : {std::uint64_t{1}, piece, piece + 1, 20 * piece - 1}) {
    World world{size, size};
    world.run();
    CHECK(world.over());
    CHECK(world.held() == size);
    CHECK(world.sent() == size);
    CHECK(world.done() == 1);
  }
}

void run_with_restarts(World& world, std::uint64_t restarts, Rng& rng) {
  for (std::uint64_t i = 0; i < restarts; ++i) {
    for (std::uint64_t moves = rng.below(60); moves > 0; --moves) (void)world.move();
    world.restart(SiteId{static_cast<std::uint32_t>(rng.below(2))});
  }
  world.run();
}

TEST_CASE("transfers: restarts of either end, again and again, cost no byte that is on the disk") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::uint64_t size = 1 + rng.below(30 * piece);
    World world{size, rng.next()};
    const std::uint64_t restarts = rng.below(6);
    run_with_restarts(world, restarts, rng);
    RC_ASSERT(world.over());
    RC_ASSERT(world.held() == size);
    RC_ASSERT(world.done() >= 1);
    RC_ASSERT(world.sent() <= size + restarts * 2 * transfer_window);
  }));
}

TEST_CASE("transfers: a receiver whose disk is full says so, and a new life of it is told") {
  World world{5 * piece, 1};
  world.fail_next_write();
  world.run();
  CHECK(world.over());
  CHECK(world.refused() == 1);
  CHECK(world.held() < 5 * piece);
  world.restart(receiver);
  world.run();
  CHECK(world.over());
  // A new life of the sender begins again.
  world.restart(sender);
  world.run();
  CHECK(world.over());
  CHECK(world.held() == 5 * piece);
}

TEST_CASE("transfers: a copy that turns out to be wrong is sent once more, whatever happens") {
  CHECK(rc::check([](std::uint64_t seed) {
    Rng rng{seed};
    const std::uint64_t size = 1 + rng.below(20 * piece);
    World world{size, rng.next()};
    world.spoil_next_copy();
    const std::uint64_t restarts = rng.below(4);
    run_with_restarts(world, restarts, rng);
    RC_ASSERT(world.over());
    RC_ASSERT(world.held() == size);
    RC_ASSERT(world.refused() == 0);
    if (restarts == 0) RC_ASSERT(world.sent() == 2 * size);
    RC_ASSERT(world.sent() <= 2 * size + (restarts + 1) * 2 * transfer_window);
  }));
}

TEST_CASE("transfers: a file that cannot be read is given up at both ends") {
  Alone from{sender}, to{receiver};
  CHECK(std::holds_alternative<OpenTransfer>(from.step(Wakeup{}).at(0)));
  const auto said = from.step(TransferBroken{only});
  REQUIRE(said.size() == 1);
  CHECK(from.transfers.over());
  CHECK(to.transfers.under_way(sender));
  CHECK(to.step(Transfers::Heard{sender, std::get<SendTransferMessage>(said[0]).message}).empty());
  CHECK(to.transfers.over());
  CHECK(from.step(Transfers::PeerStarted{receiver}).size() == 1);
}

TEST_CASE("transfers: due by the clock, by a share of the tokens, or when training ends") {
  Alone timed{sender, seconds(40)}, shared{sender, 0.3}, late{sender, 1.0};
  CHECK(timed.transfers.wakeup() == Instant{} + seconds(40));
  CHECK(timed.step(Wakeup{}, Instant{} + seconds(39)).empty());
  CHECK(timed.step(Wakeup{}, Instant{} + seconds(40)).size() == 1);
  CHECK_FALSE(timed.transfers.wakeup());
  CHECK(shared.transfers.counts_tokens());
  CHECK(shared.step(Transfers::Merged{299}).empty());
  CHECK(shared.step(Transfers::Merged{300}).size() == 1);
  CHECK(shared.step(Transfers::Merged{301}).empty());
  CHECK_FALSE(shared.transfers.counts_tokens());
  CHECK(late.step(Transfers::Merged{950}).empty());
  CHECK(late.step(Transfers::Merged{~0ull}).size() == 1);
}

TEST_CASE("transfers: how far one has come is told once a second, and at its end") {
  Alone from{sender};
  from.step(Wakeup{});
  from.step(TransferOpened{only, 8 * piece, {1}});
  const std::uint64_t offer = (std::uint64_t{1} << 32) + 1;
  const auto told = [&](std::uint64_t pieces, Duration at) {
    std::uint64_t kept = 0;
    for (const auto& action : from.step(
             Transfers::Heard{receiver, TransferKept{only, offer, pieces * piece}}, Instant{} + at))
      if (const auto* progressed = std::get_if<TransferProgressed>(&action))
        kept = progressed->kept;
      else if (const auto* done = std::get_if<TransferDone>(&action))
        kept = done->size;
    return kept / piece;
  };
  CHECK(from.transfers.left(receiver) == 0);  // Nobody has said how much is there already.
  CHECK(told(0, seconds(5)) == 0);
  CHECK(from.transfers.left(receiver) == 0);  // All of it is in the window.
  CHECK(told(1, milliseconds(5'900)) == 0);
  CHECK(told(3, milliseconds(6'100)) == 3);
  CHECK(told(5, milliseconds(7'000)) == 0);
  CHECK(told(6, milliseconds(7'100)) == 6);
  CHECK(told(8, milliseconds(7'200)) == 8);
}

TEST_CASE("transfers: what the window holds back is known beforehand") {
  Alone from{sender};
  from.step(Wakeup{});
  from.step(TransferOpened{only, 20 * piece + 7, {1}});
  from.step(Transfers::Heard{receiver, TransferKept{only, (std::uint64_t{1} << 32) + 1, piece}});
  CHECK(from.transfers.left(receiver) == 19 * piece + 7 - transfer_window);
  CHECK(from.transfers.left(SiteId{2}) == 0);
}

TEST_CASE("transfers: lies are named and change nothing") {
  Alone to{receiver};
  const TransferOffer offer{only, 1, 20 * piece, {1}};
  CHECK_FALSE(to.believes(SiteId{2}, offer));
  CHECK_FALSE(to.believes(sender, TransferOffer{TransferId{1}, 1, piece, {1}}));
  CHECK_FALSE(to.believes(sender, TransferKept{only, 0, 0}));
  CHECK_FALSE(to.believes(SiteId{2}, TransferPiece{only, 1, 0, piece}));
  CHECK(to.believes(sender, TransferPiece{only, 1, 0, piece}));  // An earlier life has asked.
  CHECK(to.believes(sender, offer));
  to.step(TransferHeld{only, {1}, 0});
  CHECK(to.believes(sender, TransferPiece{only, 1, 0, piece}));
  CHECK(to.believes(sender, TransferPiece{only, 0, 0, 3}));
  for (const TransferPiece& lie :
       {TransferPiece{only, 1, 0, 0}, TransferPiece{only, 1, 0, piece + 1},
        TransferPiece{only, 1, 8 * piece, 1}, TransferPiece{only, 1, 20 * piece, 1},
        TransferPiece{only, 1, ~0ull, piece}})
    CHECK_FALSE(to.believes(sender, lie));
  CHECK(to.step(Transfers::Heard{sender, TransferPiece{only, 1, 9 * piece, piece}}).empty());

  Alone from{sender};
  from.step(Wakeup{});
  from.step(TransferOpened{only, 20 * piece, {1}});
  CHECK_FALSE(from.believes(SiteId{2}, TransferKept{only, 1, 0}));
  const std::uint64_t offered = (std::uint64_t{1} << 32) + 1;
  CHECK_FALSE(from.believes(receiver, TransferKept{only, offered + 1, 0}));
  CHECK_FALSE(from.believes(receiver, TransferKept{only, offered, 20 * piece + 1}));
  CHECK_FALSE(from.believes(receiver, offer));
  CHECK_FALSE(from.believes(SiteId{2}, TransferAgain{only, offered}));
  CHECK_FALSE(from.believes(receiver, TransferAgain{only, offered + 1}));
  CHECK_FALSE(to.believes(sender, TransferAgain{only, 1}));
  CHECK(from.believes(receiver, TransferAgain{only, offered - 1}));  // To an earlier life.
  CHECK(from.believes(receiver, TransferKept{only, offered, 0}));
  CHECK_FALSE(from.believes(receiver, TransferKept{only, offered, 9 * piece}));  // Never sent.
  CHECK_FALSE(from.transfers.over());
}
