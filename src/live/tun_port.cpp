#include <unistd.h>

#include "axs/live/port.h"

namespace axs::live {

void TunPort::receive(ReceiveBuffer& buffer) {
  buffer.packets.clear();
  const std::int64_t now = monotonic_ns();
  for (std::size_t i = 0; i < DatagramBuffer::messages; ++i) {
    std::uint8_t* into = &buffer.read.memory[i * DatagramBuffer::message_bytes];
    const ssize_t n = read(fd_.get(), into, DatagramBuffer::message_bytes);
    if (n <= 0) break;
    buffer.packets.push_back({{into, static_cast<std::size_t>(n)}, now});
  }
}

std::size_t TunPort::send(std::span<const ByteView> packets) {
  std::size_t refused = 0;
  for (const ByteView packet : packets)
    if (write(fd_.get(), packet.data(), packet.size()) < 0) ++refused;
  return refused;
}

}  // namespace axs::live
