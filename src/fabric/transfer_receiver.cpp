#include "axs/fabric/transfer_receiver.h"

namespace axs::fabric {

bool TransferReceiver::hear(const TransferOffer& message, Actions& actions) {
  if (message.offer <= offer_.offer) return true;  // A later one has overtaken it.
  const bool goes_on = state_ != State::waiting && state_ != State::withdrawn &&
                       message.content == offer_.content && message.size == offer_.size;
  offer_ = message;
  if (state_ == State::failed) {
    actions.push_back(SendTransferMessage{from_, TransferGivenUp{transfer_}});
  } else if (!goes_on) {
    state_ = State::accepting;
    held_ = 0;
    arrived_.clear();
    actions.push_back(AcceptTransfer{message});
  } else if (state_ != State::accepting) {
    say_kept(actions);
  }
  return true;
}

bool TransferReceiver::hear(const TransferPiece& message, Actions& actions) {
  // A life before this one has asked for it, or it has been given up since.
  const bool wanted = state_ == State::open || state_ == State::done;
  if (message.offer != offer_.offer || !wanted) return true;
  const bool fits = message.size > 0 && message.size <= transfer_piece_max &&
                    message.offset < offer_.size && message.size <= offer_.size - message.offset;
  // Only the last is shorter: of tiny ones the window would hold millions.
  const bool whole =
      message.size == transfer_piece_max || message.offset + message.size == offer_.size;
  if (!fits || !whole) return false;
  const std::uint64_t end = message.offset + message.size;
  // So far ahead lies only what was sent before a wrong copy was thrown away; it is void.
  if (end > held_ + transfer_window) return true;
  // What a life of the sender repeats of what the one before has sent comes piece by piece as then.
  if (end <= held_ || arrived_.insert({message.offset, end}) == 0) return true;
  actions.push_back(KeepPiece{message});
  return true;
}

void TransferReceiver::held(const TransferHeld& event, Actions& actions) {
  if (over() || event.content != offer_.content) return;
  // What was written while another content was accepted may be said only now.
  if (state_ == State::open && event.bytes <= held_) return;
  state_ = event.bytes == offer_.size ? State::done : State::open;
  held_ = event.bytes;
  if (held_ > 0) arrived_.erase({0, held_});
  say_kept(actions);
}

/// The next offer is accepted as if it were the first; what still comes of this one is void.
void TransferReceiver::spoilt(const TransferSpoilt& event, Actions& actions) {
  if (over() || event.content != offer_.content) return;
  state_ = State::waiting;
  actions.push_back(SendTransferMessage{from_, TransferAgain{transfer_, offer_.offer}});
}

void TransferReceiver::broken(Actions& actions) {
  if (over()) return;
  state_ = State::failed;
  actions.push_back(SendTransferMessage{from_, TransferGivenUp{transfer_}});
}

void TransferReceiver::withdrawn() {
  if (!over()) state_ = State::withdrawn;
}

void TransferReceiver::say_kept(Actions& actions) const {
  actions.push_back(SendTransferMessage{from_, TransferKept{transfer_, offer_.offer, held_}});
}

}  // namespace axs::fabric
