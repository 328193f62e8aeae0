#pragma once

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/core/policy.h"
#include "axs/fabric/transfer_receiver.h"
#include "axs/fabric/transfer_sender.h"

namespace axs::fabric {

/// The bulk transfers of a scenario from and to one site. Whatever either end loses by a kill, what
/// is on the receiver's disk is not sent again, but for the pieces that were on their way.
class Transfers {
 public:
  struct Config {
    SiteId self;
    std::uint32_t incarnation = 1;  ///< grows with every start of this agent
    std::vector<catalog::Transfer> transfers{};
    std::uint64_t budget_tokens = 0;  ///< of the run: shares are of it
  };
  explicit Transfers(const Config& config);

  /// So many tokens are merged here; after the training, the greatest number.
  struct Merged {
    std::uint64_t tokens{};
  };
  /// What was said to its earlier lives, and is not known to have arrived, arrives at this one.
  struct PeerStarted {
    SiteId peer;
  };
  struct Heard {
    SiteId from;
    TransferMessage message;
  };
  using Event = std::variant<Wakeup, Merged, PeerStarted, Heard, TransferOpened, PieceRead,
                             TransferHeld, TransferSpoilt, TransferBroken>;
  using Action = TransferAction;

  void step(Instant now, const Event& event, std::vector<Action>& actions);
  /// When the next one is due by the clock.
  std::optional<Instant> wakeup() const;

  /// Whether any waits for a share of the tokens.
  bool counts_tokens() const;
  /// All have ended, well or not.
  bool over() const;
  /// Whether one from or to that site has not.
  bool under_way(SiteId peer) const;
  /// Bytes that will go to that site besides those that have been handed on already.
  std::uint64_t left(SiteId peer) const;

 private:
  void on(const Wakeup&) { open_due(); }
  void on(const Merged& event);
  void on(const PeerStarted& event);
  void on(const Heard& event);
  void on(const TransferOpened& event) { senders_.at(event.transfer).opened(event, *actions_); }
  void on(const PieceRead& event) { senders_.at(event.piece.transfer).read(event, *actions_); }
  void on(const TransferHeld& event) { receivers_.at(event.transfer).held(event, *actions_); }
  void on(const TransferSpoilt& event) { receivers_.at(event.transfer).spoilt(event, *actions_); }
  void on(const TransferBroken& event);

  bool hear(SiteId from, const TransferOffer& message);
  bool hear(SiteId from, const TransferKept& message);
  bool hear(SiteId from, const TransferPiece& message);
  bool hear(SiteId from, const TransferGivenUp& message);
  bool hear(SiteId from, const TransferAgain& message);
  TransferSender* sender(SiteId to, TransferId transfer);
  TransferReceiver* receiver(SiteId from, TransferId transfer);

  void open_due();
  const catalog::FaultTime& due_at(TransferId transfer) const;

  std::vector<catalog::Transfer> transfers_;
  std::uint64_t budget_tokens_;
  std::map<TransferId, TransferSender> senders_;
  std::map<TransferId, TransferReceiver> receivers_;
  std::uint64_t merged_ = 0;

  // Valid during step().
  Instant now_;
  std::vector<Action>* actions_ = nullptr;
};

static_assert(Policy<Transfers>);

}  // namespace axs::fabric
