#pragma once

#include <cstdint>
#include <variant>

#include "axs/core/crypto.h"
#include "axs/core/id.h"
#include "axs/core/time.h"

/// The words of bulk transfers: what the two ends say to each other, what they want of their world
/// and what it answers. Names, sizes and hashes only; the bytes stay in the world.
namespace axs::fabric {

/// An index into Scenario::transfers.
using TransferId = Id<struct TransferTag>;

/// Files travel in pieces, so that gradients and other transfers find their way between them.
inline constexpr std::uint64_t transfer_piece_max = std::uint64_t{4} << 20;
/// What a sender may have sent that is not on the receiver's disk yet: a round trip of 250 ms at
/// 1 Gb/s; and what a receiver may be made to hold in memory.
inline constexpr std::uint64_t transfer_window = std::uint64_t{32} << 20;

// From site to site.
/// I have so many bytes with that SHA-256 for you. Later offers of a transfer have greater numbers;
/// what is said about an earlier one is late, and void.
struct TransferOffer {
  TransferId transfer;
  std::uint64_t offer{};
  std::uint64_t size{};
  Hash256 content{};
};
/// The first `bytes` of it are on my disk. The first for an offer says from where to send.
struct TransferKept {
  TransferId transfer;
  std::uint64_t offer{};
  std::uint64_t bytes{};
};
/// Its `size` bytes from `offset` on are attached.
struct TransferPiece {
  TransferId transfer;
  std::uint64_t offer{};
  std::uint64_t offset{};
  std::uint64_t size{};
};
/// What I had of it was not what that offer says, and is gone: offer it again.
struct TransferAgain {
  TransferId transfer;
  std::uint64_t offer{};
};
/// Nothing will come of it as long as I live.
struct TransferGivenUp {
  TransferId transfer;
};
using TransferMessage =
    std::variant<TransferOffer, TransferKept, TransferPiece, TransferGivenUp, TransferAgain>;

// To the world of the sender.
struct OpenTransfer {  ///< answer TransferOpened or TransferBroken
  TransferId transfer;
};
struct ReadPiece {  ///< answer PieceRead, with the bytes, or TransferBroken
  TransferPiece piece;
};
struct TransferBegan {  ///< for the record; again, if what was kept turned out to be wrong
  TransferId transfer;
  std::uint64_t size{};
  std::uint64_t kept{};
};
struct TransferProgressed {  ///< for the record, once a second at most
  TransferId transfer;
  std::uint64_t kept{};
};
struct TransferDone {  ///< for the record
  TransferId transfer;
  std::uint64_t size{};
  Duration took;
};
struct TransferRefused {  ///< for the record: the other end has given it up
  TransferId transfer;
};
// To the world of the receiver.
/// Answer TransferHeld, now and whenever more of it is on the disk, or TransferSpoilt, or
/// TransferBroken. Replaces what was accepted of that transfer before.
struct AcceptTransfer {
  TransferOffer offer;
};
/// Write what is attached to the message of this step. Pieces come in any order; what of them is
/// there already is to be ignored.
struct KeepPiece {
  TransferPiece piece;
};

// To the site that it is part of.
struct SendTransferMessage {
  SiteId to;
  TransferMessage message;
};
struct TransferLie {  ///< no honest peer says that
  SiteId from;
};
using TransferAction =
    std::variant<OpenTransfer, ReadPiece, TransferBegan, TransferProgressed, TransferDone,
                 TransferRefused, AcceptTransfer, KeepPiece, SendTransferMessage, TransferLie>;

// From the world.
struct TransferOpened {
  TransferId transfer;
  std::uint64_t size{};
  Hash256 content{};
};
struct PieceRead {
  TransferPiece piece;
};
/// The first `bytes` survive the process; all of them only if they are what the offer said, and
/// survive the machine too.
struct TransferHeld {
  TransferId transfer;
  Hash256 content{};
  std::uint64_t bytes{};
};
/// All of it is there and it is not what the offer said, but part of it is of an earlier life: all
/// of it has been removed, for a fresh copy may be right.
struct TransferSpoilt {
  TransferId transfer;
  Hash256 content{};
};
/// The world has said why.
struct TransferBroken {
  TransferId transfer;
};

}  // namespace axs::fabric
