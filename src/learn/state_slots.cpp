#include "axs/learn/state_slots.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "axs/core/assert.h"
#include "axs/core/crc32c.h"
#include "axs/host/file.h"

namespace axs::learn {

namespace {

Result<> write_at(const host::Fd& file, ByteView data, std::uint64_t at, const std::string& path) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return host::system_error(path + ": cannot be written");
    data = data.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return Ok{};
}

/// How many bytes there were, up to the size of `out`.
Result<std::size_t> read_at(const host::Fd& file, std::span<std::uint8_t> out, std::uint64_t at,
                            const std::string& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return host::system_error(path + ": cannot be read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

Result<StateSlots> StateSlots::open(const std::string& folder) {
  (void)AXS_TRY(host::make_folder(folder));
  auto lock = AXS_TRY(host::FileLock::acquire(folder + "/worker.lock"));
  auto first = AXS_TRY(open_slot(folder + "/worker.0"));
  auto second = AXS_TRY(open_slot(folder + "/worker.1"));
  return StateSlots{std::move(lock), {std::move(first), std::move(second)}};
}

Result<StateSlots::Slot> StateSlots::open_slot(const std::string& path) {
  host::Fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) return host::system_error(path + ": cannot be opened");
  std::array<std::uint8_t, sizeof(Header)> bytes{};
  const std::size_t size = AXS_TRY(read_at(file, bytes, 0, path));
  Slot slot{path, std::move(file), {}};
  if (size == 0) return slot;
  Header seen;
  std::memcpy(&seen, bytes.data(), sizeof seen);
  constexpr Header own;
  if (size < sizeof seen || !std::equal(own.magic.begin(), own.magic.end() - 1, seen.magic.begin()))
    return Error{Errc::corrupt, path + ": not a worker's state"};
  if (seen.magic != own.magic)
    return Error{Errc::invalid, path + ": a worker's state of version " + seen.magic.back() +
                                    ", want version " + own.magic.back()};
  slot.header = seen;
  return slot;
}

std::size_t StateSlots::newer() const {
  return slots_[0].header.sequence > slots_[1].header.sequence ? 0 : 1;
}

Result<std::optional<ByteVector>> StateSlots::load() {
  auto states = AXS_TRY(load_all());
  if (states.empty()) return std::optional<ByteVector>{};
  return std::optional{std::move(states.front())};
}

Result<std::vector<ByteVector>> StateSlots::load_all() {
  std::vector<ByteVector> states;
  bool damaged = false;
  newest_.reset();
  for (const std::size_t i : {newer(), 1 - newer()}) {
    if (slots_[i].header.complete != 1) continue;
    auto state = AXS_TRY(read(slots_[i]));
    damaged = damaged || !state;
    if (!state) continue;
    if (!newest_) newest_ = i;
    states.push_back(*std::move(state));
  }
  if (states.empty() && damaged)
    return Error{Errc::corrupt, slots_[0].path + " and " + slots_[1].path +
                                    ": saved states, all damaged; want one whole"};
  if (!newest_) newest_ = newer();
  return states;
}

Result<std::optional<ByteVector>> StateSlots::read(const Slot& slot) {
  struct stat status{};
  if (::fstat(slot.file.get(), &status) != 0)
    return host::system_error(slot.path + ": cannot be read");
  const auto there = static_cast<std::uint64_t>(status.st_size) - sizeof(Header);
  if (slot.header.size > there) return std::optional<ByteVector>{};
  ByteVector state(slot.header.size);
  const std::size_t size = AXS_TRY(read_at(slot.file, state, sizeof(Header), slot.path));
  if (size != state.size() || crc32c(state) != slot.header.crc) return std::optional<ByteVector>{};
  return std::optional{std::move(state)};
}

Result<> StateSlots::save(std::span<const ByteView> parts) {
  AXS_ASSERT(newest_);
  Slot& slot = slots_[1 - *newest_];
  slot.header = {.sequence = std::max(slots_[0].header.sequence, slots_[1].header.sequence) + 1};
  (void)AXS_TRY(write_header(slot));
  for (const ByteView part : parts) {
    (void)AXS_TRY(write_at(slot.file, part, sizeof(Header) + slot.header.size, slot.path));
    slot.header.crc = crc32c(part, slot.header.crc);
    slot.header.size += part.size();
  }
  slot.header.complete = 1;
  (void)AXS_TRY(write_header(slot));
  newest_ = 1 - *newest_;
  return Ok{};
}

Result<> StateSlots::write_header(const Slot& slot) {
  std::array<std::uint8_t, sizeof(Header)> bytes;
  std::memcpy(bytes.data(), &slot.header, sizeof(Header));
  return write_at(slot.file, bytes, 0, slot.path);
}

}  // namespace axs::learn
