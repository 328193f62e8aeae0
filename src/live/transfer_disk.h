#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/scenario.h"
#include "axs/fabric/transfer.h"
#include "axs/host/fd.h"

namespace axs::live {

/// What a site wants of its disk for bulk transfers.
using TransferWork = std::variant<fabric::OpenTransfer, fabric::ReadPiece, fabric::AcceptTransfer,
                                  fabric::KeepPiece>;

/// What the disk has to say of it.
struct TransferAnswer {
  std::variant<fabric::TransferOpened, fabric::PieceRead, fabric::TransferHeld,
               fabric::TransferSpoilt, fabric::TransferBroken>
      event;
  ByteVector bytes{};    ///< of the piece that was read
  std::string reason{};  ///< why a transfer is broken: one sentence
};

/// The files of bulk transfers at one site. A file grows as `folder`/NAME.HASH.part, which a kill
/// leaves behind to be continued; when it is whole and its hash right it becomes `folder`/NAME.
/// Every call may wait for the disk.
class TransferDisk {
 public:
  struct Config {
    std::string folder;  ///< for what is received
    std::vector<catalog::Transfer> transfers;
    std::uint64_t seed = 0;  ///< of bytes that are made up
  };
  /// When `stop` is set from another thread, what takes long ends with an error.
  TransferDisk(Config config, const std::atomic<bool>& stop)
      : config_{std::move(config)}, stop_{stop} {}

  /// `bytes`: those of a piece to be kept. No answer: nothing new is on the disk, or the transfer
  /// is broken already.
  std::optional<TransferAnswer> perform(const TransferWork& work, ByteVector bytes);

 private:
  using Maybe = std::optional<TransferAnswer>;
  using Answer = Result<Maybe>;
  struct Receiving {
    fabric::TransferOffer offer;
    std::string path;
    std::string part;
    host::Fd file;                                  ///< the part; none once the file is whole
    std::uint64_t held = 0;                         ///< bytes in it
    bool fresh = false;                             ///< the part was begun for this offer
    std::map<std::uint64_t, ByteVector> waiting{};  ///< by offset, for what is missing before
  };

  Answer carry_out(const fabric::OpenTransfer& work, ByteVector);
  Answer carry_out(const fabric::ReadPiece& work, ByteVector);
  Answer carry_out(const fabric::AcceptTransfer& work, ByteVector);
  Answer carry_out(const fabric::KeepPiece& work, ByteVector bytes);

  Result<ByteVector> read(fabric::TransferId transfer, std::uint64_t offset,
                          std::uint64_t size) const;
  Result<bool> is_whole(const Receiving& receiving) const;
  Result<> append(Receiving& receiving);
  Answer progress(Receiving& receiving);
  Result<bool> conclude(Receiving& receiving) const;
  template <class Read>
  Result<Hash256> hash(std::uint64_t size, const Read& read) const;

  Config config_;
  const std::atomic<bool>& stop_;
  std::map<fabric::TransferId, host::Fd> sources_;
  std::map<fabric::TransferId, Receiving> receiving_;
};

}  // namespace axs::live
