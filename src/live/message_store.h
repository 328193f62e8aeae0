#pragma once

#include <map>
#include <tuple>

#include "axs/fabric/site.h"
#include "axs/live/blob_store.h"
#include "axs/live/pieces.h"
#include "axs/net/repair_store.h"

namespace axs::live {

/// The bytes of the messages between this site and its peers while they are under way; the
/// transport knows only their names and sizes. A message: the size of its record as 32 bits, the
/// record, the bytes of the contribution that it offers, or those of the chunk or the piece of a
/// file that it is. Contributions go in and out of the blob store; the others are nowhere else.
/// Memory grows with what has arrived, wherever in the message that belongs.
class MessageStore {
 public:
  explicit MessageStore(BlobStore& blobs) : blobs_{blobs} {}

  // Outgoing.
  /// `given`: what belongs to the event at hand; the bytes of a chunk or a piece are taken out of
  /// it.
  void hold(const fabric::Site::HoldMessage& message, ByteVector& given);
  void release(const fabric::Site::ReleaseMessage& message);
  /// Appends the bytes that the frame stands for, if any; its message must be held.
  void append_payload(SiteId to, const net::Frame& frame, ByteVector& out) const;
  /// How many messages that peer has not acknowledged yet.
  std::size_t held(SiteId to) const;

  // Incoming.
  /// `payloads`: what followed the packet's record, as long as its frames say.
  void store(const fabric::Site::StoreBytes& piece, const net::Packet& packet, ByteView payloads);
  void store_repair(const fabric::Site::StoreRepair& piece, const net::Packet& packet,
                    ByteView payloads);
  void rebuild(const fabric::Site::RebuildBytes& order);
  /// A message, and the bytes if it is a chunk or a piece.
  struct Taken {
    fabric::Site::PeerMessage event;
    ByteVector values{};
  };
  /// Takes a complete message apart. What it offers is in the blob store afterwards, and is what it
  /// was said to be: otherwise Errc::corrupt, and the message is gone.
  Result<Taken> take(const fabric::Site::ReadMessage& message);
  void drop(const fabric::Site::DropBytes& dropped);
  /// What that peer's unfinished messages occupy, to a constant factor.
  std::size_t arrived(SiteId from) const;

 private:
  using Key = std::tuple<SiteId, net::TrafficClass, std::uint64_t>;
  struct Outgoing {
    ByteVector head;
    BlobStore::Blob attached;  ///< Null if nothing is.
    std::uint64_t size() const { return head.size() + (attached ? attached->size() : 0); }
    /// Calls take(offset, bytes) for what is in `range`, in order.
    template <class Take>
    void read(net::Range range, Take&& take) const;
  };
  struct Incoming {
    Pieces pieces;
    net::RepairStore repairs;
  };

  template <class NamedFrame>
  const Outgoing& outgoing(SiteId to, const NamedFrame& frame) const;
  Result<Taken> read(SiteId from, ByteView message);

  BlobStore& blobs_;
  std::map<Key, Outgoing> outgoing_;
  std::map<Key, Incoming> incoming_;
};

/// Whether `payloads` are exactly the bytes of the packet's frames.
bool payloads_match(const net::Packet& packet, ByteView payloads);

}  // namespace axs::live
