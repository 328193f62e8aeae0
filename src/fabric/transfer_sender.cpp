#include "axs/fabric/transfer_sender.h"

#include <algorithm>

namespace axs::fabric {

namespace {

constexpr Duration tell_every = seconds(1);

}  // namespace

bool TransferSender::over() const {
  return state_ == State::failed || (state_ == State::open && began_ && kept_ == size_);
}

void TransferSender::open(Actions& actions) {
  state_ = State::opening;
  actions.push_back(OpenTransfer{transfer_});
}

void TransferSender::opened(const TransferOpened& event, Actions& actions) {
  if (state_ != State::opening) return;
  state_ = State::open;
  size_ = event.size;
  content_ = event.content;
  offer(actions);
}

void TransferSender::broken(Actions& actions) {
  if (state_ == State::failed) return;
  state_ = State::failed;
  actions.push_back(SendTransferMessage{to_, TransferGivenUp{transfer_}});
}

void TransferSender::read(const PieceRead& event, Actions& actions) const {
  // Of an earlier offer: it is read again.
  if (state_ != State::open || event.piece.offer != offer_) return;
  actions.push_back(SendTransferMessage{to_, event.piece});
}

/// It may have lost what was on its way, and what its disk had not written.
void TransferSender::peer_started(Actions& actions) {
  if (state_ == State::open) offer(actions);
  if (state_ == State::failed)
    actions.push_back(SendTransferMessage{to_, TransferGivenUp{transfer_}});
}

void TransferSender::offer(Actions& actions) {
  ++offer_;
  answered_ = false;
  actions.push_back(SendTransferMessage{to_, TransferOffer{transfer_, offer_, size_, content_}});
}

bool TransferSender::hear(Instant now, const TransferKept& message, Actions& actions) {
  if (message.offer > offer_) return false;
  if (state_ != State::open || message.offer < offer_) return true;
  if (message.bytes > (answered_ ? next_ : size_)) return false;
  if (!answered_) return resume(now, message.bytes, actions), true;
  // Messages may overtake each other.
  if (message.bytes <= kept_) return true;
  kept_ = message.bytes;
  pump(actions);
  tell(now, actions);
  return true;
}

bool TransferSender::hear(const TransferAgain& message, Actions& actions) {
  if (message.offer > offer_) return false;
  if (state_ != State::open || message.offer < offer_) return true;
  if (over()) return false;
  began_.reset();
  offer(actions);
  return true;
}

void TransferSender::resume(Instant now, std::uint64_t kept, Actions& actions) {
  const bool known = over();
  answered_ = true;
  kept_ = next_ = kept;
  if (!began_) {
    began_ = told_ = now;
    actions.push_back(TransferBegan{transfer_, size_, kept});
  }
  pump(actions);
  if (kept_ == size_ && !known) actions.push_back(TransferDone{transfer_, size_, now - *began_});
}

/// How far it has come.
void TransferSender::tell(Instant now, Actions& actions) {
  if (kept_ == size_) return actions.push_back(TransferDone{transfer_, size_, now - *began_});
  if (now - told_ < tell_every) return;
  told_ = now;
  actions.push_back(TransferProgressed{transfer_, kept_});
}

void TransferSender::refused(Actions& actions) {
  if (state_ != State::open) return;  // Said to an earlier life of this site.
  state_ = State::failed;
  actions.push_back(TransferRefused{transfer_});
}

void TransferSender::pump(Actions& actions) {
  while (next_ < size_ && next_ + transfer_piece_max <= kept_ + transfer_window) {
    const std::uint64_t size = std::min(transfer_piece_max, size_ - next_);
    actions.push_back(ReadPiece{{transfer_, offer_, next_, size}});
    next_ += size;
  }
}

}  // namespace axs::fabric
