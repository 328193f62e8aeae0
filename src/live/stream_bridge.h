#pragma once

#include <functional>
#include <memory>

#include "axs/host/loop.h"
#include "axs/live/datagram_socket.h"

namespace axs::live {

/// Joins a TCP connection with a UDP socket of its own on this machine, so that who speaks UDP with
/// it reaches the other end of the connection. In the stream each packet follows its length, 16
/// bits, little-endian. What does not fit the connection now is lost, as on any link. A connection
/// over which nothing has come for long is over: who lives asks for his place now and then.
class StreamBridge {
 public:
  /// Of what waits to be sent over the connection.
  static constexpr std::size_t waiting_max = 1 << 20;

  struct Config {
    host::Fd stream;  ///< Connected, or about to be; it must not block.
    Endpoint local;   ///< Where the bridge's socket is bound; port 0: any.
    Endpoint peer;    ///< Whose packets it takes, and who gets those of the stream.
    Duration silence_max = seconds(60);
    std::function<void()> closed{};  ///< The connection has ended, or never was one. Called once.
  };
  /// `buffer`, which must outlive it, may serve others too: it is used only while one reads.
  static Result<std::unique_ptr<StreamBridge>> open(host::Loop& loop, DatagramBuffer& buffer,
                                                    Config config);
  StreamBridge(const StreamBridge&) = delete;
  ~StreamBridge();

  /// Where its UDP socket is.
  Endpoint local() const { return socket_.local(); }

 private:
  StreamBridge(host::Loop& loop, DatagramBuffer& buffer, Config config, DatagramSocket socket);
  Result<> watch();
  void read_packets();
  void read_stream();
  void take_stream(ByteView bytes);
  void write_stream();
  void listen_for(Duration wait);
  void close();

  host::Loop& loop_;
  Config config_;
  DatagramSocket socket_;
  DatagramBuffer& buffer_;
  ByteVector incoming_;  ///< The beginning of a packet that is not all there.
  ByteVector outgoing_;
  bool open_ = true;
  Instant heard_at_;
  host::TimerId silence_{};
  host::TimerId closing_{};
};

}  // namespace axs::live
