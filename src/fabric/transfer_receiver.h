#pragma once

#include <vector>

#include "axs/fabric/transfer.h"
#include "axs/net/range_set.h"

namespace axs::fabric {

/// One transfer at the site that receives it: says how much of what is offered the disk has, and
/// hands on the pieces that come.
class TransferReceiver {
 public:
  using Actions = std::vector<TransferAction>;

  TransferReceiver(TransferId transfer, SiteId from) : transfer_{transfer}, from_{from} {}

  SiteId peer() const { return from_; }
  /// All of it is here, or one of the two has given up.
  bool over() const { return state_ >= State::done; }

  void held(const TransferHeld& event, Actions& actions);
  void spoilt(const TransferSpoilt& event, Actions& actions);
  void broken(Actions& actions);
  /// By the sender, as long as it does not offer it again.
  void withdrawn();
  // False if no honest sender says that.
  bool hear(const TransferOffer& message, Actions& actions);
  bool hear(const TransferPiece& message, Actions& actions);

 private:
  enum class State : std::uint8_t { waiting, accepting, open, done, withdrawn, failed };

  void say_kept(Actions& actions) const;

  TransferId transfer_;
  SiteId from_;
  State state_ = State::waiting;
  TransferOffer offer_{};  ///< the last one; its number is 0 if there was none
  std::uint64_t held_ = 0;
  net::RangeSet arrived_;  ///< given to the disk, and not known to be there
};

}  // namespace axs::fabric
