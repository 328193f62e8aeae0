#include "axs/net/tunnel.h"

#include <algorithm>
#include <array>

namespace axs::net {

namespace {

constexpr std::size_t mark_size = 16;
using Mark = std::array<std::uint8_t, mark_size>;

Mark mark_of(const Key256& key, std::pair<SiteId, SiteId> ends, ByteView segment) {
  ByteVector marked;
  WireWriter{marked}.put(ends);
  marked.insert(marked.end(), segment.begin(), segment.end());
  const Hash256 full = hmac_sha256(key, marked);
  Mark mark;
  std::copy_n(full.begin(), mark.size(), mark.begin());
  return mark;
}

}  // namespace

MarkKey handshake_key(const Hash256& authority) {
  return {PacketType::handshake, hkdf_expand(authority, "axs handshake mark")};
}

MarkKey enrolment_key(const Hash256& authority) {
  return {PacketType::enrolment, hkdf_expand(authority, "axs enrolment mark")};
}

ByteVector handshake_packet(const MarkKey& key, const Envelope& envelope,
                            const HandshakeSegment& segment) {
  OuterHeader header;
  header.type = key.type;
  header.source = envelope.source;
  header.destination = envelope.destination;
  header.relays = envelope.relays;
  ByteVector packet(header.size());
  write_outer_header(header, packet);
  const ByteVector payload = to_wire(segment);
  packet.insert(packet.end(), payload.begin(), payload.end());
  const Mark mark = mark_of(key.value, {envelope.source, envelope.destination}, payload);
  packet.insert(packet.end(), mark.begin(), mark.end());
  return packet;
}

Result<HandshakeSegment> parse_handshake(const MarkKey& key, const OuterPacket& packet) {
  const OuterHeader& header = packet.header;
  if (header.type != key.type)
    return Error{Errc::corrupt, "handshake segment: the packet is of another type"};
  if (packet.payload.size() < mark_size) return Error{Errc::corrupt, "handshake segment: no mark"};
  const ByteView segment = packet.payload.first(packet.payload.size() - mark_size);
  const Mark mark = mark_of(key.value, {header.source, header.destination}, segment);
  if (!std::equal(mark.begin(), mark.end(), packet.payload.last(mark_size).begin()))
    return Error{Errc::corrupt, "handshake segment: the mark of another run, or altered"};
  return from_wire<HandshakeSegment>(segment, "handshake segment");
}

TunnelPolicy::TunnelPolicy(const TunnelConfig& config)
    : config_{config}, retry_after_{config.retry_first} {
  AXS_ASSERT(config.local != config.peer);
  AXS_ASSERT(config.incarnation.value > 0);
}

void TunnelPolicy::step(Instant now, const Event& event, std::vector<Action>& actions) {
  now_ = now;
  actions_ = &actions;
  std::visit([this](const auto& happened) { on(happened); }, event);
  actions_ = nullptr;
}

std::optional<Instant> TunnelPolicy::wakeup() const {
  std::optional<Instant> next;
  const auto consider = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(retry_at_);
  if (session_) consider(session_->rekey_at);
  if (attempt_) consider(attempt_->resend_at);
  if (running()) consider(attempt_->gives_up);
  return next;
}

TunnelPhase TunnelPolicy::phase() const {
  if (session_) return TunnelPhase::up;
  return wanted_ || running() ? TunnelPhase::handshaking : TunnelPhase::idle;
}

void TunnelPolicy::on(const OpenTunnel&) {
  if (wanted_) return;
  wanted_ = true;
  if (!session_ && !running()) begin();
}

void TunnelPolicy::on(const TunnelLost&) {
  if (!session_) return;
  session_.reset();
  if (wanted_ && !running()) begin();
}

void TunnelPolicy::on(const SegmentArrived& event) {
  const HandshakeSegment& segment = event.segment;
  if (segment.from.value == 0) return;
  if (segment.kind == SegmentKind::ask) return on_ask(segment);
  const bool to_another = segment.to.value != 0 && segment.to != config_.incarnation;
  // The client talks to who we were before a restart: without a word it would try for long.
  if (to_another && role() == TlsRole::server) return ask_client({segment.from, segment.attempt});
  if (!to_another && belongs_to_attempt(segment)) take_stream(segment);
}

/// A repeated or forged request must not disturb what is under way or newer than it.
void TunnelPolicy::on_ask(const HandshakeSegment& segment) {
  if (role() != TlsRole::client) return;
  const std::uint32_t given_up = segment.to == config_.incarnation ? segment.attempt : 0;
  // A server that merely came late need not wait; one that has refused us must not hurry us.
  if (retry_at_ && given_up >= attempts_) return;
  if (running()) {
    const bool restarted = attempt_->peer.value != 0 && segment.from > attempt_->peer;
    if (restarted || given_up >= attempt_->key.number) fail_attempt();
    return;
  }
  const bool lost = !session_ || segment.from > session_->peer ||
                    (segment.from == session_->peer && given_up >= session_->key.number);
  if (lost) start_attempt({config_.incarnation, ++attempts_});
}

bool TunnelPolicy::belongs_to_attempt(const HandshakeSegment& segment) {
  return role() == TlsRole::client ? belongs_to_client_attempt(segment)
                                   : belongs_to_server_attempt(segment);
}

bool TunnelPolicy::belongs_to_client_attempt(const HandshakeSegment& segment) {
  if (!attempt_ || attempt_->stage == Stage::failed) return false;
  if (segment.attempt != attempt_->key.number) return false;
  if (session_ && segment.from < session_->peer) return false;
  if (attempt_->peer.value == 0) attempt_->peer = segment.from;
  // The server restarted in the middle and cannot know what the old one had read.
  if (running() && segment.from > attempt_->peer) fail_attempt();
  return segment.from == attempt_->peer && attempt_->stage != Stage::failed;
}

/// A new attempt begins with the client's first segment, in whatever order they come.
bool TunnelPolicy::belongs_to_server_attempt(const HandshakeSegment& segment) {
  const AttemptKey key{segment.from, segment.attempt};
  if (key.number == 0) return false;
  if (attempt_ && key == attempt_->key) return attempt_->stage != Stage::failed;
  if (running() && key < attempt_->key) return false;
  if (session_ && key <= session_->key) return false;
  start_attempt(key);
  attempt_->peer = segment.from;
  return true;
}

void TunnelPolicy::take_stream(const HandshakeSegment& segment) {
  if (attempt_->stream.acknowledge(segment.acknowledged)) {
    attempt_->resend_after = config_.resend_first;
    rearm_resend();
  }
  if (segment.data.empty()) return;
  ByteVector bytes = attempt_->stream.receive(segment.offset, segment.data);
  send_piece({});
  if (!bytes.empty() && running()) actions_->push_back(FeedTls{attempt_->id, std::move(bytes)});
}

void TunnelPolicy::on(const TlsOutput& event) {
  if (!live(event.handshake)) return;
  send_pieces(attempt_->stream.write(event.bytes));
  if (!attempt_->resend_at) rearm_resend();
}

void TunnelPolicy::on(const TlsFinished& event) {
  if (!live(event.handshake) || !running()) return;
  attempt_->stage = Stage::finished;
  session_ = Session{attempt_->key, attempt_->peer, {}};
  // The server follows the client's epochs.
  if (role() == TlsRole::client) session_->rekey_at = now_ + config_.rekey_after;
  retry_at_.reset();
  retry_after_ = config_.retry_first;
  actions_->push_back(Establish{attempt_->id, attempt_->peer});
}

void TunnelPolicy::on(const TlsFailed& event) {
  if (live(event.handshake) && running()) fail_attempt();
}

void TunnelPolicy::on(const Wakeup&) {
  const auto due = [this](std::optional<Instant> at) { return at && *at <= now_; };
  if (session_ && due(session_->rekey_at)) {
    session_->rekey_at = now_ + config_.rekey_after;
    actions_->push_back(Rekey{});
  }
  if (running() && due(attempt_->gives_up)) fail_attempt();
  if (attempt_ && due(attempt_->resend_at)) {
    const bool over = attempt_->gives_up <= now_;
    attempt_->resend_after = std::min(2 * attempt_->resend_after, config_.resend_max);
    if (!over) send_pieces(attempt_->stream.unacknowledged());
    over ? attempt_->resend_at.reset() : rearm_resend();
  }
  if (due(retry_at_)) begin();
}

bool TunnelPolicy::live(HandshakeId id) const {
  return attempt_ && attempt_->id == id && attempt_->stage != Stage::failed;
}

void TunnelPolicy::begin() {
  retry_at_.reset();
  if (role() == TlsRole::client) return start_attempt({config_.incarnation, ++attempts_});
  ask_client(attempt_ ? attempt_->key : AttemptKey{});
  retry_later();
}

void TunnelPolicy::start_attempt(AttemptKey key) {
  retry_at_.reset();
  attempt_ = Attempt{.id = {++handshakes_},
                     .key = key,
                     .gives_up = now_ + config_.handshake_limit,
                     .resend_after = config_.resend_first};
  actions_->push_back(StartTls{attempt_->id, role()});
}

/// Where a session still stands, nobody here has a reason to try again; the peer will ask.
void TunnelPolicy::fail_attempt() {
  attempt_->stage = Stage::failed;
  attempt_->resend_at.reset();
  actions_->push_back(DropTls{attempt_->id});
  if (!wanted_ || session_) return;
  if (role() == TlsRole::server) ask_client(attempt_->key);
  retry_later();
}

void TunnelPolicy::ask_client(AttemptKey given_up) {
  HandshakeSegment segment;
  segment.kind = SegmentKind::ask;
  segment.from = config_.incarnation;
  segment.to = given_up.client;
  segment.attempt = given_up.number;
  actions_->push_back(SendSegment{std::move(segment)});
}

void TunnelPolicy::retry_later() {
  retry_at_ = now_ + retry_after_;
  retry_after_ = std::min(2 * retry_after_, config_.retry_max);
}

void TunnelPolicy::send_pieces(const std::vector<HandshakeStream::Piece>& pieces) {
  for (const auto& piece : pieces) send_piece(piece);
}

void TunnelPolicy::send_piece(const HandshakeStream::Piece& piece) {
  actions_->push_back(SendSegment{{.kind = SegmentKind::stream,
                                   .from = config_.incarnation,
                                   .to = attempt_->peer,
                                   .attempt = attempt_->key.number,
                                   .offset = piece.offset,
                                   .acknowledged = attempt_->stream.received(),
                                   .data = {piece.data.begin(), piece.data.end()}}});
}

void TunnelPolicy::rearm_resend() {
  attempt_->resend_at.reset();
  if (!attempt_->stream.all_acknowledged()) attempt_->resend_at = now_ + attempt_->resend_after;
}

}  // namespace axs::net
