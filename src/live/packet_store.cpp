#include "axs/live/packet_store.h"

#include <sys/mman.h>

#include <cstring>
#include <new>
#include <utility>

#include "axs/core/assert.h"

namespace axs::live {

namespace {

constexpr std::size_t align_up(std::size_t n) {
  return (n + 7) & ~std::size_t{7};
}

}  // namespace

PacketStore::PacketStore(std::size_t capacity) : capacity_{align_up(capacity)} {
  void* memory = mmap(nullptr, capacity_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  memory_ = static_cast<std::uint8_t*>(memory);
}

PacketStore::~PacketStore() {
  if (memory_ != nullptr) munmap(memory_, capacity_);
}

PacketStore::PacketStore(PacketStore&& other) noexcept
    : memory_{std::exchange(other.memory_, nullptr)},
      capacity_{other.capacity_},
      head_{other.head_},
      tail_{other.tail_},
      used_{other.used_} {}

PacketStore::Header& PacketStore::header(std::size_t offset) {
  AXS_ASSERT(offset % alignof(Header) == 0 && offset + sizeof(Header) <= capacity_);
  return *reinterpret_cast<Header*>(memory_ + offset);
}

void PacketStore::write_header(Header value) {
  header(head_) = value;
  const std::size_t room = sizeof(Header) + align_up(value.size);
  used_ += room;
  head_ += room;
  if (head_ == capacity_) head_ = 0;
}

bool PacketStore::put(std::span<const std::uint8_t> packet, Token& token) {
  if (used_ == 0) head_ = tail_ = 0;
  const std::size_t need = sizeof(Header) + align_up(packet.size());
  const std::size_t to_end = capacity_ - head_;
  // A packet lies in one piece: what is left at the end of the ring is filled when it is too short.
  const std::size_t filler = to_end < need ? to_end : 0;
  if (used_ + filler + need > capacity_) return false;
  if (filler > 0) write_header({static_cast<std::uint32_t>(filler - sizeof(Header)), 0});
  token = head_;
  std::memcpy(memory_ + head_ + sizeof(Header), packet.data(), packet.size());
  write_header({static_cast<std::uint32_t>(packet.size()), 1});
  return true;
}

std::span<std::uint8_t> PacketStore::get(Token token) {
  const Header& found = header(token);
  AXS_ASSERT(found.live == 1);
  return {memory_ + token + sizeof(Header), found.size};
}

void PacketStore::release(Token token) {
  AXS_ASSERT(header(token).live == 1);
  header(token).live = 0;
  // The newest is taken back, so that packets which a full queue drops do not fill the ring.
  const std::size_t newest_room = sizeof(Header) + align_up(header(token).size);
  if ((token + newest_room) % capacity_ == head_) {
    head_ = token;
    used_ -= newest_room;
  }
  while (used_ > 0 && header(tail_).live == 0) {
    const std::size_t room = sizeof(Header) + align_up(header(tail_).size);
    used_ -= room;
    tail_ += room;
    if (tail_ == capacity_) tail_ = 0;
  }
}

}  // namespace axs::live
