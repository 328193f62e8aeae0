#pragma once

#include <optional>
#include <vector>

#include "axs/fabric/transfer.h"

namespace axs::fabric {

/// One transfer at the site that sends it. Each life of the receiver gets an offer, and says from
/// where it wants the bytes; then pieces go out as far as the window allows.
class TransferSender {
 public:
  using Actions = std::vector<TransferAction>;

  TransferSender(TransferId transfer, SiteId to, std::uint32_t incarnation)
      : transfer_{transfer}, to_{to}, offer_{std::uint64_t{incarnation} << 32} {}

  SiteId peer() const { return to_; }
  /// Not open()ed yet.
  bool waits() const { return state_ == State::waiting; }
  /// The receiver has all of it, or one of the two has given up.
  bool over() const;

  /// What it has not handed on yet, and will as the window lets it.
  std::uint64_t left() const { return state_ == State::open && answered_ ? size_ - next_ : 0; }

  void open(Actions& actions);
  void opened(const TransferOpened& event, Actions& actions);
  void broken(Actions& actions);
  void read(const PieceRead& event, Actions& actions) const;
  void peer_started(Actions& actions);
  // False if no honest receiver says that.
  bool hear(Instant now, const TransferKept& message, Actions& actions);
  bool hear(const TransferAgain& message, Actions& actions);
  void refused(Actions& actions);

 private:
  enum class State : std::uint8_t { waiting, opening, open, failed };

  void offer(Actions& actions);
  void resume(Instant now, std::uint64_t kept, Actions& actions);
  void pump(Actions& actions);
  void tell(Instant now, Actions& actions);

  TransferId transfer_;
  SiteId to_;
  State state_ = State::waiting;
  std::uint64_t offer_;  ///< the number of the last one
  std::uint64_t size_ = 0;
  Hash256 content_{};
  bool answered_ = false;  ///< the last offer
  std::uint64_t kept_ = 0;
  std::uint64_t next_ = 0;        ///< what lies before has been read, or is there
  std::optional<Instant> began_;  ///< With the present copy.
  Instant told_{};                ///< When the record heard of it last.
};

}  // namespace axs::fabric
