#include "axs/live/link_streams.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace axs::live {

namespace {

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Result<std::unique_ptr<LinkStreams>> LinkStreams::open(host::Loop& loop, LinkChannel& channel,
                                                       const LinkSpec& spec, LinkSide side,
                                                       std::uint32_t incarnation) {
  std::unique_ptr<LinkStreams> made{new LinkStreams{loop, channel, spec, side, incarnation}};
  if (side == LinkSide::from) AXS_TRY(made->listen());
  return made;
}

LinkStreams::LinkStreams(host::Loop& loop, LinkChannel& channel, const LinkSpec& spec,
                         LinkSide side, std::uint32_t incarnation)
    : loop_{loop},
      forwards_{spec.tcp},
      traffic_{spec.traffic},
      opens_{side == LinkSide::from},
      messages_{loop,
                channel,
                {.incarnation = incarnation, .rate = spec.rate},
                {.message = [this](ByteVector message) { take_message(std::move(message)); },
                 .more = [this] { take_turns(); },
                 .reset = [this] { reset_all(); }}},
      next_id_{first_number(incarnation)} {}

LinkStreams::~LinkStreams() {
  while (!streams_.empty()) close(streams_.begin()->first);
}

Result<> LinkStreams::listen() {
  for (std::uint16_t i = 0; i < forwards_.size(); ++i) {
    const std::uint16_t port = forwards_[i].port;
    listeners_.push_back(AXS_TRY(
        StreamListener::open(loop_, {.port = port}, "--tcp " + std::to_string(port),
                             [this, i](host::Fd socket) { accept(i, std::move(socket)); })));
  }
  return Ok{};
}

void LinkStreams::accept(std::uint16_t forward, host::Fd socket) {
  if (streams_.size() >= streams_max) return;  // Closed at once: the program sees it.
  const Id id = next_id_++;
  Stream& stream = streams_[id];
  ++counters_.opened;
  send({Kind::open, id, stream.next_number++}, traffic_, to_wire(forward));
  adopt(id, stream, std::move(socket));
  messages_.batch_end();
}

void LinkStreams::connect(Id id, Stream& stream, std::uint64_t forward) {
  if (forward >= forwards_.size()) return fail(id, true);
  auto socket = connect_stream(forwards_[forward].target);
  if (!socket) return fail(id, true);
  stream.connecting = true;
  ++counters_.opened;
  adopt(id, stream, *std::move(socket));
}

void LinkStreams::adopt(Id id, Stream& stream, host::Fd socket) {
  const int on = 1;
  (void)setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  stream.socket = std::move(socket);
  grant(id, stream);
  rearm(id, stream);
}

void LinkStreams::path_changed() {
  messages_.path_changed();
  batch_end();
}

void LinkStreams::batch_end() {
  take_turns();
  messages_.batch_end();
}

void LinkStreams::send(const Head& head, net::TrafficClass traffic, ByteView bytes) {
  ByteVector message;
  message.reserve(head_size + bytes.size());
  WireWriter writer{message};
  writer.put(head);
  writer.bytes(bytes);
  messages_.send(traffic, std::move(message));
}

void LinkStreams::take_message(ByteVector message) {
  WireReader reader{message};
  Head head;
  reader.get(head);
  if (!reader.ok()) return;
  Stream* stream = stream_of(head.stream);
  if (stream == nullptr) return;
  if (head.kind == Kind::credit) return take_credit(head, *stream);
  if (head.number < stream->expected || stream->early.contains(head.number)) return;
  const std::size_t bytes = message.size() - head_size;
  stream->received += bytes;
  stream->bare += bytes == 0 ? 1 : 0;
  stream->early.emplace(head.number, std::move(message));
  // No honest peer sends more than it was granted, so much out of order, or so much of nothing.
  if (stream->received > stream->granted + head_size || stream->early.size() > early_max ||
      stream->bare > bare_max)
    return fail(head.stream, true);
  take_in_order(head.stream, *stream);
}

/// The stream of that id, made if it is new: whatever of it comes first. Only the first end opens,
/// and what comes late for a stream that is over is of no use: nothing then.
LinkStreams::Stream* LinkStreams::stream_of(Id id) {
  const auto found = streams_.find(id);
  if (found != streams_.end()) return &found->second;
  if (opens_ || seen_.insert({id, std::uint64_t{id} + 1}) == 0) return nullptr;
  seen_.keep_highest(2 * streams_max);
  if (streams_.size() < streams_max) return &streams_[id];
  send({Kind::reset, id, 0}, traffic_);
  return nullptr;
}

/// The peer's word is believed as far as our own window goes: it is its memory, but our time.
void LinkStreams::take_credit(const Head& head, Stream& stream) {
  stream.credit = std::max(stream.credit, std::min(head.number, stream.sent + window_max));
  rearm(head.stream, stream);
}

void LinkStreams::take_in_order(Id id, Stream& stream) {
  while (!stream.early.empty() && stream.early.begin()->first == stream.expected) {
    ByteVector message = std::move(stream.early.extract(stream.early.begin()).mapped());
    ++stream.expected;
    if (!take_next(id, stream, std::move(message))) return;
  }
  if (stream.socket && !stream.connecting && !write_to(id, stream)) return;
  if (!end_if_done(id, stream)) rearm(id, stream);
}

bool LinkStreams::take_next(Id id, Stream& stream, ByteVector message) {
  WireReader reader{message};
  Head head;
  reader.get(head);
  switch (head.kind) {
    case Kind::open: {
      const auto forward = from_wire<std::uint16_t>(reader.bytes(reader.remaining()), "forward");
      if (!forward || stream.socket) break;
      connect(id, stream, *forward);
      return streams_.contains(id);
    }
    case Kind::data:
      stream.waiting.push_back(std::move(message));
      break;
    case Kind::finish:
      stream.peer_finished = true;
      break;
    case Kind::reset:
      fail(id, false);
      return false;
    case Kind::credit:
      break;
  }
  return true;
}

void LinkStreams::serve(Id id, host::Ready ready) {
  Stream& stream = streams_.at(id);
  if (stream.connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(stream.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      fail(id, true);
      return messages_.batch_end();
    }
    stream.connecting = false;
  }
  if (ready.readable) join_turns(id, stream);
  take_turns();
  if (streams_.contains(id) && write_to(id, stream) && !end_if_done(id, stream)) rearm(id, stream);
  messages_.batch_end();
}

void LinkStreams::take_turns() {
  while (!turns_.empty()) {
    const std::size_t most = std::min(messages_.turn(traffic_), chunk);
    if (most == 0) return;
    const Id id = turns_.front();
    turns_.pop_front();
    if (streams_.contains(id)) take_turn(id, streams_.at(id), most);
  }
}

void LinkStreams::take_turn(Id id, Stream& stream, std::size_t most) {
  stream.in_turn = false;
  const bool more = read_from(id, stream, most);
  if (!streams_.contains(id)) return;
  if (more) return join_turns(id, stream);
  if (!end_if_done(id, stream)) rearm(id, stream);
}

void LinkStreams::join_turns(Id id, Stream& stream) {
  if (!std::exchange(stream.in_turn, true)) turns_.push_back(id);
}

bool LinkStreams::read_from(Id id, Stream& stream, std::size_t most) {
  const std::uint64_t allowed = std::min<std::uint64_t>(stream.credit - stream.sent, most);
  if (stream.read_all || allowed == 0) return false;
  ByteVector message = messages_.make(head_size + allowed);
  const ssize_t got = recv(stream.socket.get(), message.data() + head_size, allowed, 0);
  if (got < 0) {
    messages_.recycle(std::move(message));
    if (!would_block()) fail(id, true);
    return false;
  }
  stream.read_all = got == 0;
  const auto size = static_cast<std::size_t>(got);
  stream.sent += size;
  counters_.sent_bytes += size;
  message.resize(head_size + size);
  const auto head = to_wire(Head{got == 0 ? Kind::finish : Kind::data, id, stream.next_number++});
  std::copy(head.begin(), head.end(), message.begin());
  messages_.send(traffic_, std::move(message));
  return size == allowed;
}

bool LinkStreams::write_to(Id id, Stream& stream) {
  while (!stream.waiting.empty()) {
    const ByteView rest = ByteView{stream.waiting.front()}.subspan(stream.written);
    const ssize_t put = ::send(stream.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (put < 0 && would_block()) break;
    if (put < 0) {
      fail(id, true);
      return false;
    }
    const auto size = static_cast<std::size_t>(put);
    stream.written += size;
    stream.consumed += size;
    counters_.delivered_bytes += size;
    if (stream.written < stream.waiting.front().size()) continue;
    messages_.recycle(std::move(stream.waiting.front()));
    stream.waiting.pop_front();
    stream.written = head_size;
  }
  if (stream.waiting.empty() && stream.peer_finished && !stream.shut) {
    (void)shutdown(stream.socket.get(), SHUT_WR);
    stream.shut = true;
  }
  grant(id, stream);
  return true;
}

/// A grant is told once it is worth a message.
void LinkStreams::grant(Id id, Stream& stream) {
  const std::uint64_t window = std::clamp(held_max / streams_.size(), window_min, window_max);
  const std::uint64_t wanted = stream.consumed + window;
  if (stream.peer_finished || wanted < stream.granted + window / 4) return;
  stream.granted = wanted;
  send({Kind::credit, id, wanted}, net::TrafficClass::control);
}

/// Asks to be told exactly of what could be done.
void LinkStreams::rearm(Id id, Stream& stream) {
  if (!stream.socket) return;
  const bool read =
      !stream.connecting && !stream.read_all && !stream.in_turn && stream.credit > stream.sent;
  const bool write = stream.connecting || !stream.waiting.empty();
  std::optional<host::Interest> wanted;
  if (read || write)
    wanted = read && write ? host::Interest::both
             : read        ? host::Interest::readable
                           : host::Interest::writable;
  if (wanted == stream.watched) return;
  const int fd = stream.socket.get();
  Result<> changed = Ok{};
  if (!wanted)
    loop_.unwatch(fd);
  else if (stream.watched)
    changed = loop_.change(fd, *wanted);
  else
    changed = loop_.watch(fd, *wanted, [this, id](host::Ready ready) { serve(id, ready); });
  stream.watched = wanted;
  if (!changed) fail(id, true);
}

bool LinkStreams::end_if_done(Id id, Stream& stream) {
  if (!stream.read_all || !stream.shut) return false;
  close(id);
  return true;
}

/// The program sees a connection that was reset, not one that ended well.
void LinkStreams::fail(Id id, bool tell) {
  Stream& stream = streams_.at(id);
  ++counters_.failed;
  if (tell) send({Kind::reset, id, stream.next_number++}, traffic_);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  if (stream.socket)
    (void)setsockopt(stream.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(id);
}

void LinkStreams::close(Id id) {
  const auto found = streams_.find(id);
  if (found->second.watched) loop_.unwatch(found->second.socket.get());
  streams_.erase(found);
}

void LinkStreams::reset_all() {
  while (!streams_.empty()) fail(streams_.begin()->first, false);
  seen_ = {};
}

}  // namespace axs::live
