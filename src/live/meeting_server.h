#pragma once

#include <map>
#include <memory>

#include "axs/live/stream_bridge.h"
#include "axs/live/stream_listener.h"
#include "axs/net/meeting.h"

namespace axs::live {

/// The third site at which ends of links meet: net::MeetingPoint over UDP, and over TCP for those
/// whose UDP is blocked. It passes on whole trains as they came, unread: it has no keys.
class MeetingServer {
 public:
  struct Config {
    Endpoint datagrams;
    Endpoint streams;  ///< Mostly the same address and port.
    /// A connection is closed when nothing has come over it for so long.
    Duration silence_max = seconds(60);
  };
  static constexpr std::size_t streams_max = 1024;

  static Result<std::unique_ptr<MeetingServer>> open(host::Loop& loop, const Config& config);
  MeetingServer(const MeetingServer&) = delete;
  ~MeetingServer();

  Endpoint datagrams() const { return socket_.local(); }
  Endpoint streams() const { return listener_->local(); }
  std::uint64_t packets_passed() const { return passed_; }
  std::uint64_t packets_lost() const { return lost_; }

 private:
  MeetingServer(host::Loop& loop, DatagramSocket socket, Duration silence_max);
  Result<> watch(Endpoint streams);
  void receive();
  void take(const Datagram& datagram);
  void pass(const Endpoint& from, const net::Train& train);
  void step(const net::MeetingPoint::Event& event);
  void accept(host::Fd stream);

  host::Loop& loop_;
  DatagramSocket socket_;
  Duration silence_max_;
  std::unique_ptr<StreamListener> listener_;
  net::MeetingPoint point_;
  DatagramBuffer buffer_;
  std::map<std::uint64_t, std::unique_ptr<StreamBridge>> bridges_;
  std::uint64_t next_bridge_ = 0;
  std::optional<host::TimerId> timer_;
  std::uint64_t passed_ = 0;
  std::uint64_t lost_ = 0;
};

/// Serves until SIGTERM or SIGINT; `opened` is called with what it serves at.
Result<> run_meeting_server(const MeetingServer::Config& config,
                            const std::function<void(const MeetingServer&)>& opened);

}  // namespace axs::live
