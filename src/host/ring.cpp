#include "axs/host/ring.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <new>

namespace axs::host {

/// Lies at the start of the memory. Positions count all bytes ever written and read; their
/// difference is what the ring holds. On lines of their own, so that the sides do not share them.
struct RingMemory::Header {
  alignas(64) std::atomic<std::uint64_t> magic;
  alignas(64) std::atomic<std::uint64_t> written;
  alignas(64) std::atomic<std::uint64_t> read;
  alignas(64) std::atomic<std::uint32_t> reader_sleeps;
  alignas(64) std::atomic<std::uint64_t> writer_wants;  ///< Bytes; 0 if the writer does not sleep.
};

namespace {

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Names the layout above; another layout, another number.
constexpr std::uint64_t magic = 0x31'67'6e'69'72'73'78'61;  // "axsring1"
constexpr std::size_t length_size = 8;
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

std::size_t page_size() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

constexpr std::size_t padded(std::size_t size) {
  return (size + 7) / 8 * 8;
}

constexpr std::size_t needed(std::size_t size) {
  return length_size + padded(size);
}

Result<std::size_t> checked_capacity(int memory) {
  struct stat facts;
  if (::fstat(memory, &facts) != 0) return system_error("ring");
  const auto size = static_cast<std::size_t>(facts.st_size);
  if ((::fcntl(memory, F_GET_SEALS) & seals) != seals)
    return Error{Errc::corrupt, "ring: its memory is not sealed against shrinking"};
  if (size % page_size() != 0 || size < 2 * page_size())
    return Error{Errc::corrupt, "ring: " + std::to_string(size) + " bytes, want whole pages"};
  return size - page_size();
}

Error broken(std::string_view by) {
  return {Errc::corrupt, "ring: broken by its " + std::string{by}};
}

}  // namespace

Result<RingFds> make_ring(std::size_t capacity) {
  const std::size_t page = page_size();
  const std::size_t size = page + std::max<std::size_t>(1, (capacity + page - 1) / page) * page;
  RingFds fds{.memory = Fd{::memfd_create("axs-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING)},
              .data = AXS_TRY(make_event()),
              .space = AXS_TRY(make_event())};
  if (!fds.memory || ::ftruncate(fds.memory.get(), static_cast<off_t>(size)) != 0 ||
      ::pwrite(fds.memory.get(), &magic, sizeof magic, 0) != sizeof magic ||
      ::fcntl(fds.memory.get(), F_ADD_SEALS, seals) != 0)
    return system_error("ring of " + std::to_string(size) + " bytes");
  return fds;
}

std::string format_ring_fds(const RingFds& fds) {
  return std::to_string(fds.memory.get()) + "," + std::to_string(fds.data.get()) + "," +
         std::to_string(fds.space.get());
}

Result<RingFds> parse_ring_fds(std::string_view text) {
  std::array<int, 3> numbers;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  for (int& number : numbers) {
    const auto [stop, error] = std::from_chars(at, end, number);
    const bool last = &number == &numbers.back();
    if (error != std::errc{} || number < 0 || (last ? stop != end : stop == end || *stop != ','))
      return Error{Errc::invalid, "ring descriptors '" + std::string{text} + "', want 'N,N,N'"};
    at = stop + 1;
  }
  return RingFds{Fd{numbers[0]}, Fd{numbers[1]}, Fd{numbers[2]}};
}

Result<std::shared_ptr<RingMemory>> RingMemory::map(RingFds fds) {
  const std::size_t capacity = AXS_TRY(checked_capacity(fds.memory.get()));
  const std::size_t page = page_size();
  const std::size_t span = page + 2 * capacity;
  void* base = ::mmap(nullptr, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return system_error("map ring");
  auto* bytes = static_cast<std::uint8_t*>(base);
  constexpr int access = PROT_READ | PROT_WRITE;
  const bool mapped = ::mmap(bytes, page + capacity, access, MAP_SHARED | MAP_FIXED,
                             fds.memory.get(), 0) != MAP_FAILED &&
                      ::mmap(bytes + page + capacity, capacity, access, MAP_SHARED | MAP_FIXED,
                             fds.memory.get(), static_cast<off_t>(page)) != MAP_FAILED;
  const Error error = system_error("map ring");
  std::shared_ptr<RingMemory> memory{new RingMemory{std::move(fds), base, capacity}};
  if (!mapped) return error;
  if (memory->header().magic.load(std::memory_order_relaxed) != magic)
    return Error{Errc::corrupt, "ring: the memory does not hold a ring of this version"};
  return memory;
}

RingMemory::RingMemory(RingFds fds, void* base, std::size_t capacity)
    : fds_{std::move(fds)},
      base_{base},
      header_{static_cast<Header*>(base)},
      data_{static_cast<std::uint8_t*>(base) + page_size()},
      capacity_{capacity} {}

RingMemory::~RingMemory() {
  ::munmap(base_, page_size() + 2 * capacity_);
}

RingWriter::RingWriter(std::shared_ptr<RingMemory> memory)
    : memory_{std::move(memory)},
      written_{memory_->header().written.load(std::memory_order_acquire)},
      read_seen_{written_ - memory_->capacity()} {
  broken_ = written_ % 8 != 0;
}

std::size_t RingWriter::message_size_max() const {
  return memory_->capacity() - length_size;
}

bool RingWriter::fits(std::size_t size) {
  const auto free = [&] { return memory_->capacity() - (written_ - read_seen_); };
  if (broken_ || needed(size) <= free()) return true;
  // Sequential consistency: see commit().
  read_seen_ = memory_->header().read.load(std::memory_order_seq_cst);
  const std::uint64_t held = written_ - read_seen_;
  if (held > memory_->capacity() || held % 8 != 0) broken_ = true;
  return broken_ || needed(size) <= free();
}

Result<std::optional<std::span<std::uint8_t>>> RingWriter::reserve(std::size_t size) {
  AXS_ASSERT(size <= message_size_max());
  const bool fit = fits(size);
  if (broken_) return broken("reader");
  if (!fit) return std::optional<std::span<std::uint8_t>>{};
  reserved_ = size;
  return std::optional{std::span{memory_->data(written_) + length_size, size}};
}

void RingWriter::commit(std::size_t size) {
  AXS_ASSERT(size <= reserved_);
  reserved_ = 0;
  const std::uint64_t length = size;
  std::memcpy(memory_->data(written_), &length, sizeof length);
  written_ += needed(size);
  RingMemory::Header& header = memory_->header();
  // The reader first says that it sleeps, then looks at `written`; here it is the other way round.
  // In the one order of all these operations at least one side sees the other's: no lost wake-up.
  header.written.store(written_, std::memory_order_seq_cst);
  if (header.reader_sleeps.load(std::memory_order_seq_cst) != 0 &&
      header.reader_sleeps.exchange(0, std::memory_order_seq_cst) != 0)
    raise_event(memory_->fds().data.get());
}

bool RingWriter::sleep_until_free(std::size_t size) {
  AXS_ASSERT(size <= message_size_max());
  clear_event(fd());
  std::atomic<std::uint64_t>& wants = memory_->header().writer_wants;
  wants.store(needed(size), std::memory_order_seq_cst);
  if (!fits(size)) return true;
  wants.store(0, std::memory_order_seq_cst);
  return false;
}

RingReader::RingReader(std::shared_ptr<RingMemory> memory)
    : memory_{std::move(memory)},
      read_{memory_->header().read.load(std::memory_order_acquire)},
      written_seen_{read_} {
  broken_ = read_ % 8 != 0;
}

Result<std::optional<ByteView>> RingReader::peek() {
  if (written_seen_ == read_)
    written_seen_ = memory_->header().written.load(std::memory_order_seq_cst);
  const std::uint64_t held = written_seen_ - read_;
  if (held == 0 && !broken_) return std::optional<ByteView>{};
  if (held > memory_->capacity() || held < length_size) broken_ = true;
  if (broken_) return broken("writer");
  const std::uint8_t* start = memory_->data(read_);
  // Atomic, so that the compiler reads it once: the value checked is the value used.
  const std::uint64_t length =
      __atomic_load_n(reinterpret_cast<const std::uint64_t*>(start), __ATOMIC_RELAXED);
  if (length > held - length_size || needed(length) > held) broken_ = true;
  if (broken_) return broken("writer");
  peeked_ = needed(length);
  return std::optional{ByteView{start + length_size, length}};
}

void RingReader::consume() {
  AXS_ASSERT(peeked_ != 0);
  read_ += std::exchange(peeked_, 0);
  RingMemory::Header& header = memory_->header();
  header.read.store(read_, std::memory_order_seq_cst);
  const std::uint64_t wants = header.writer_wants.load(std::memory_order_seq_cst);
  if (wants == 0) return;
  const std::uint64_t held = header.written.load(std::memory_order_seq_cst) - read_;
  if (wants + held <= memory_->capacity() &&
      header.writer_wants.exchange(0, std::memory_order_seq_cst) != 0)
    raise_event(memory_->fds().space.get());
}

bool RingReader::sleep_until_message() {
  clear_event(fd());
  RingMemory::Header& header = memory_->header();
  header.reader_sleeps.store(1, std::memory_order_seq_cst);
  if (header.written.load(std::memory_order_seq_cst) == read_ && !broken_) return true;
  header.reader_sleeps.store(0, std::memory_order_seq_cst);
  return false;
}

bool wait_readable(int fd, int peer) {
  while (true) {
    std::array<pollfd, 2> waited{{{fd, POLLIN, 0}, {peer, POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), -1) < 0) continue;
    if (waited[0].revents != 0) return true;
    if (waited[1].revents != 0) return false;
  }
}

}  // namespace axs::host
