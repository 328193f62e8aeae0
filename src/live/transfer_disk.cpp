#include "axs/live/transfer_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "axs/core/rng.h"
#include "axs/host/file.h"

namespace axs::live {

using fabric::TransferId;

namespace {

/// As much as is hashed at a time.
constexpr std::uint64_t hash_step = std::uint64_t{1} << 20;

Result<host::Fd> open_file(const std::string& path, int flags) {
  host::Fd file{::open(path.c_str(), flags | O_CLOEXEC, 0644)};
  if (!file) return host::system_error(path);
  return file;
}

Result<std::uint64_t> size_of(const host::Fd& file, const std::string& path) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return host::system_error(path);
  if (!S_ISREG(status.st_mode)) return Error{Errc::invalid, path + ": no file, want one to send"};
  return static_cast<std::uint64_t>(status.st_size);
}

Result<ByteVector> read_at(const host::Fd& file, std::uint64_t offset, std::uint64_t size,
                           const std::string& path) {
  ByteVector bytes(size);
  for (std::uint64_t done = 0; done < size;) {
    const ::ssize_t count =
        ::pread(file.get(), bytes.data() + done, size - done, static_cast<::off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return host::system_error(path);
    if (count == 0)
      return Error{Errc::corrupt, path + ": it ends at byte " + std::to_string(offset + done) +
                                      ", want " + std::to_string(offset + size)};
    done += static_cast<std::uint64_t>(count);
  }
  return bytes;
}

/// The stretch of an endless sequence in which every eight bytes follow from their number alone.
ByteVector made_up(const Rng& rng, std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t first = offset / 8, end = (offset + size + 7) / 8;
  ByteVector bytes((end - first) * 8);
  for (std::uint64_t i = first; i < end; ++i) {
    const std::uint64_t word = rng.fork(i).next();
    std::memcpy(bytes.data() + (i - first) * 8, &word, 8);
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(offset % 8));
  bytes.resize(size);
  return bytes;
}

std::string part_suffix(const Hash256& content) {
  return "." + to_hex(ByteView{content}.first(8)) + ".part";
}

/// What earlier offers of other contents left behind under that name will never be continued.
void remove_other_parts(const std::string& path, const Hash256& content) {
  namespace fs = std::filesystem;
  const std::string start = fs::path{path}.filename().string() + ".", wanted = part_suffix(content);
  const auto is_other = [&](const std::string& file) {
    // A longer name may begin alike.
    return file.size() == start.size() - 1 + wanted.size() && file.starts_with(start) &&
           file.ends_with(".part") && !file.ends_with(wanted);
  };
  std::error_code failure;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator{fs::path{path}.parent_path(), failure})
    if (is_other(entry.path().filename().string())) others.push_back(entry.path());
  for (const fs::path& other : others) fs::remove(other, failure);
}

TransferId transfer_of(const fabric::OpenTransfer& work) {
  return work.transfer;
}
TransferId transfer_of(const fabric::AcceptTransfer& work) {
  return work.offer.transfer;
}
template <class PieceWork>
TransferId transfer_of(const PieceWork& work) {
  return work.piece.transfer;
}

}  // namespace

std::optional<TransferAnswer> TransferDisk::perform(const TransferWork& work, ByteVector bytes) {
  auto answer =
      std::visit([&](const auto& held) { return carry_out(held, std::move(bytes)); }, work);
  if (answer) return *std::move(answer);
  const TransferId transfer = std::visit([](const auto& held) { return transfer_of(held); }, work);
  sources_.erase(transfer);
  receiving_.erase(transfer);
  return TransferAnswer{fabric::TransferBroken{transfer}, {}, answer.error().what};
}

template <class Read>
Result<Hash256> TransferDisk::hash(std::uint64_t size, const Read& read) const {
  Sha256 sha;
  for (std::uint64_t done = 0; done < size; done += hash_step) {
    if (stop_) return Error{Errc::unavailable, "the agent is asked to stop"};
    const ByteVector bytes = AXS_TRY(read(done, std::min(hash_step, size - done)));
    sha.update(bytes);
  }
  return sha.value();
}

Result<ByteVector> TransferDisk::read(TransferId transfer, std::uint64_t offset,
                                      std::uint64_t size) const {
  const std::string& path = config_.transfers[transfer.value].file;
  if (path.empty()) return made_up(Rng{config_.seed}.fork(transfer.value), offset, size);
  return read_at(sources_.at(transfer), offset, size, path);
}

TransferDisk::Answer TransferDisk::carry_out(const fabric::OpenTransfer& work, ByteVector) {
  const catalog::Transfer& transfer = config_.transfers[work.transfer.value];
  std::uint64_t size = transfer.size;
  if (!transfer.file.empty()) {
    host::Fd file = AXS_TRY(open_file(transfer.file, O_RDONLY));
    size = AXS_TRY(size_of(file, transfer.file));
    sources_.insert_or_assign(work.transfer, std::move(file));
  }
  const Hash256 content = AXS_TRY(hash(size, [&](std::uint64_t offset, std::uint64_t step) {
    return read(work.transfer, offset, step);
  }));
  return Maybe{{fabric::TransferOpened{work.transfer, size, content}}};
}

TransferDisk::Answer TransferDisk::carry_out(const fabric::ReadPiece& work, ByteVector) {
  const fabric::TransferPiece& piece = work.piece;
  const bool broken =
      !config_.transfers[piece.transfer.value].file.empty() && !sources_.contains(piece.transfer);
  if (broken) return Maybe{};
  ByteVector bytes = AXS_TRY(read(piece.transfer, piece.offset, piece.size));
  return Maybe{{fabric::PieceRead{piece}, std::move(bytes)}};
}

TransferDisk::Answer TransferDisk::carry_out(const fabric::AcceptTransfer& work, ByteVector) {
  const fabric::TransferOffer& offer = work.offer;
  AXS_TRY(host::make_folder(config_.folder));
  Receiving receiving{.offer = offer,
                      .path = config_.folder + "/" + config_.transfers[offer.transfer.value].name,
                      .part = {},
                      .file = {}};
  receiving.part = receiving.path + part_suffix(offer.content);
  remove_other_parts(receiving.path, offer.content);
  if (AXS_TRY(is_whole(receiving))) {
    receiving.held = offer.size;
  } else {
    receiving.file = AXS_TRY(open_file(receiving.part, O_RDWR | O_CREAT | O_APPEND));
    receiving.held = AXS_TRY(size_of(receiving.file, receiving.part));
    receiving.fresh = receiving.held == 0;
    const std::uint64_t missing = offer.size - std::min(offer.size, receiving.held);
    const std::uint64_t room = AXS_TRY(host::free_space(config_.folder));
    if (room < missing)
      return Error{Errc::exhausted, config_.folder + ": room for " + std::to_string(room) +
                                        " bytes, want " + std::to_string(missing)};
  }
  return progress(receiving_.insert_or_assign(offer.transfer, std::move(receiving)).first->second);
}

Result<bool> TransferDisk::is_whole(const Receiving& receiving) const {
  const auto file = open_file(receiving.path, O_RDONLY);
  if (!file) return false;
  const auto size = size_of(*file, receiving.path);
  if (!size || *size != receiving.offer.size) return false;
  const Hash256 content = AXS_TRY(hash(*size, [&](std::uint64_t offset, std::uint64_t step) {
    return read_at(*file, offset, step, receiving.path);
  }));
  return content == receiving.offer.content;
}

TransferDisk::Answer TransferDisk::carry_out(const fabric::KeepPiece& work, ByteVector bytes) {
  const auto found = receiving_.find(work.piece.transfer);
  if (found == receiving_.end() || !found->second.file) return Maybe{};
  Receiving& receiving = found->second;
  receiving.waiting.insert_or_assign(work.piece.offset, std::move(bytes));
  const std::uint64_t before = receiving.held;
  AXS_TRY(append(receiving));
  if (receiving.held == before) return Maybe{};
  return progress(receiving);
}

/// What is to be said when more of it is there.
TransferDisk::Answer TransferDisk::progress(Receiving& receiving) {
  const fabric::TransferOffer offer = receiving.offer;
  if (AXS_TRY(conclude(receiving)))
    return Maybe{{fabric::TransferHeld{offer.transfer, offer.content, receiving.held}}};
  receiving_.erase(offer.transfer);
  return Maybe{{fabric::TransferSpoilt{offer.transfer, offer.content}}};
}

/// Writes what joins on to what is there.
Result<> TransferDisk::append(Receiving& receiving) {
  auto& waiting = receiving.waiting;
  while (!waiting.empty() && waiting.begin()->first <= receiving.held) {
    const auto& [offset, bytes] = *waiting.begin();
    const std::uint64_t there = std::min<std::uint64_t>(receiving.held - offset, bytes.size());
    AXS_TRY(host::write_all(receiving.file.get(), ByteView{bytes}.subspan(there), receiving.part));
    receiving.held += bytes.size() - there;
    waiting.erase(waiting.begin());
  }
  return Ok{};
}

/// If all of it is there: makes sure of it, and gives the file its name. False: what an earlier
/// life left was wrong, and is removed; a whole copy that is wrong is an error.
Result<bool> TransferDisk::conclude(Receiving& receiving) const {
  const fabric::TransferOffer& offer = receiving.offer;
  if (receiving.held < offer.size || !receiving.file) return true;
  const Hash256 content =
      AXS_TRY(hash(receiving.held, [&](std::uint64_t offset, std::uint64_t step) {
        return read_at(receiving.file, offset, step, receiving.part);
      }));
  if (content != offer.content) {
    ::unlink(receiving.part.c_str());
    if (!receiving.fresh) return false;
    return Error{Errc::corrupt, receiving.path + ": what came has the SHA-256 " + to_hex(content) +
                                    ", want " + to_hex(offer.content)};
  }
  if (::fdatasync(receiving.file.get()) != 0) return host::system_error(receiving.part);
  if (std::rename(receiving.part.c_str(), receiving.path.c_str()) != 0)
    return host::system_error(receiving.path);
  receiving.file.reset();
  AXS_TRY(host::sync_folder(config_.folder));
  return true;
}

}  // namespace axs::live
