#include "axs/net/send_queue.h"

#include <algorithm>
#include <limits>

namespace axs::net {

namespace {

void insert_sorted(std::vector<std::uint64_t>& numbers, std::uint64_t number) {
  const auto at = std::lower_bound(numbers.begin(), numbers.end(), number);
  if (at == numbers.end() || *at != number) numbers.insert(at, number);
}

/// Bytes of a message for which a frame has room.
std::uint32_t longest_piece(std::uint32_t space) {
  return std::min<std::uint32_t>(space - data_overhead, std::numeric_limits<std::uint16_t>::max());
}

}  // namespace

void SendQueue::push(std::uint64_t id, std::uint64_t size) {
  AXS_ASSERT(size > 0 && size <= max_message);
  const bool unique = numbers_.emplace(id, first_number_ + messages_.size()).second;
  AXS_ASSERT(unique);
  Message& message = messages_.emplace_back();
  message.id = id;
  message.total = static_cast<std::uint32_t>(size);
  unsent_ += size;
  admit();
}

SendQueue::Message* SendQueue::find(std::uint64_t number) {
  if (number < first_number_ || number - first_number_ >= messages_.size()) return nullptr;
  return &messages_[number - first_number_];
}

void SendQueue::cancel(std::uint64_t id) {
  const auto found = numbers_.find(id);
  if (found == numbers_.end()) return;
  Message& message = *find(found->second);
  message.state = State::cancelled;
  unsent_ -= message.total - message.sent;
  for (const Range range : message.resend.ranges()) unsent_ -= range.size();
  message.resend.clear();
  message.repeat.clear();
  message.acknowledged_ranges.clear();
  std::erase(resending_, found->second);
  drop_extras(found->second);
  if (message.admitted) cancels_.push_back(found->second);
  numbers_.erase(found);
  skip_sent();
}

bool SendQueue::admissible(const Message& message) const {
  if (admitted_ - first_number_ >= window_.messages) return false;
  return under_way_bytes_ == 0 || under_way_bytes_ + message.total <= window_.bytes;
}

void SendQueue::admit() {
  for (Message* message; (message = find(admitted_)) && admissible(*message);) {
    message->admitted = true;
    under_way_bytes_ += message->total;
    if (message->state == State::cancelled) cancels_.push_back(admitted_);
    ++admitted_;
  }
  skip_sent();
}

std::optional<std::uint64_t> SendQueue::next_message() const {
  if (!resending_.empty()) return resending_.front();
  if (fresh_ < admitted_) return fresh_;
  return std::nullopt;
}

bool SendQueue::has_next() const {
  return next_message() || !cancels_.empty() || !repeating_.empty() || !repairs_.empty();
}

std::optional<Frame> SendQueue::next(std::uint32_t space, Place place) {
  if (!cancels_.empty()) {
    if (space < cancel_size) return std::nullopt;
    const CancelFrame frame{traffic_, cancels_.back()};
    cancels_.pop_back();
    return frame;
  }
  const auto number = next_message();
  if (!number) return place == Place::first ? next_extra(space) : std::nullopt;
  if (space <= data_overhead) return std::nullopt;
  const auto frame = data_frame(*number, next_piece(*number, *find(*number), longest_piece(space)));
  if (!next_message()) protect_what_is_under_way();
  return frame;
}

DataFrame SendQueue::data_frame(std::uint64_t number, Range piece) {
  const Message& message = *find(number);
  return {.traffic = traffic_,
          .message = message.id,
          .number = number,
          .total = message.total,
          .offset = static_cast<std::uint32_t>(piece.first),
          .length = static_cast<std::uint16_t>(piece.size())};
}

Range SendQueue::next_piece(std::uint64_t number, Message& message, std::uint32_t limit) {
  if (!message.resend.empty()) {
    const Range piece = message.resend.take_front(limit);
    if (message.resend.empty()) std::erase(resending_, number);
    unsent_ -= piece.size();
    return piece;
  }
  const Range piece{message.sent, std::min(message.total, message.sent + limit)};
  message.grid.add(piece);
  message.sent = static_cast<std::uint32_t>(piece.end);
  unsent_ -= piece.size();
  skip_sent();
  return piece;
}

/// What nobody has to send, but whoever waits is glad of.
std::optional<Frame> SendQueue::next_extra(std::uint32_t space) {
  if (repeating_.empty()) return next_repair(space);
  if (space <= data_overhead) return std::nullopt;
  const std::uint64_t number = repeating_.front();
  RangeSet& repeat = find(number)->repeat;
  const Range piece = repeat.take_front(longest_piece(space));
  if (repeat.empty()) std::erase(repeating_, number);
  return data_frame(number, piece);
}

std::optional<Frame> SendQueue::next_repair(std::uint32_t space) {
  // Packets may have become smaller since.
  while (!repairs_.empty() && repair_overhead + repairs_.front().symbol() > space)
    repairs_.pop_front();
  if (repairs_.empty()) return std::nullopt;
  RepairPlan& plan = repairs_.front();
  const RepairFrame frame{.traffic = traffic_,
                          .message = find(plan.number())->id,
                          .number = plan.number(),
                          .block = plan.block(),
                          .index = plan.index()};
  plan.take();
  if (plan.done()) repairs_.pop_front();
  return frame;
}

/// All that must be sent has been: of each message once, this is its end.
void SendQueue::protect_what_is_under_way() {
  unprotected_ = std::max(unprotected_, first_number_);
  for (; unprotected_ < fresh_; ++unprotected_) {
    Message& message = *find(unprotected_);
    if (message.state == State::active && loss_.rate > 0) protect(unprotected_, message);
  }
}

void SendQueue::protect(std::uint64_t number, Message& message) {
  const std::uint64_t symbol = message.grid.symbol(), phase = message.grid.phase();
  std::uint64_t at_risk = message.total - message.acknowledged;
  // What has been missing for long among much that is there is repeated instead.
  std::uint64_t begin = message.total - std::min<std::uint64_t>(message.total, 4 * at_risk);
  begin = std::max(begin, message.acknowledged_ranges.first_gap());
  begin = begin <= phase ? phase : begin - (begin - phase) % symbol;
  at_risk = 0;
  message.acknowledged_ranges.for_each_gap({begin, message.total},
                                           [&](Range gap) { at_risk += gap.size(); });
  const auto plan = RepairPlan::make({.number = number,
                                      .begin = begin,
                                      .total = message.total,
                                      .at_risk = at_risk,
                                      .symbol = message.grid.symbol(),
                                      .exposure = message.grid.exposure()},
                                     loss_);
  if (!plan) return;
  // One symbol alone is repeated: a peer that has nothing of a message can repair nothing.
  if (message.total - begin <= symbol)
    repeat(number, {begin, message.total});
  else
    repairs_.push_back(*plan);
  if (begin == phase && phase > 0) repeat(number, {0, phase});
}

/// What of `bytes` is not acknowledged is to be sent once more.
void SendQueue::repeat(std::uint64_t number, Range bytes) {
  Message& message = *find(number);
  message.acknowledged_ranges.for_each_gap(bytes, [&](Range gap) { message.repeat.insert(gap); });
  if (!message.repeat.empty()) insert_sorted(repeating_, number);
}

void SendQueue::drop_extras(std::uint64_t number) {
  std::erase(repeating_, number);
  std::erase_if(repairs_, [&](const RepairPlan& plan) { return plan.number() == number; });
}

void SendQueue::skip_sent() {
  for (; fresh_ < admitted_; ++fresh_) {
    const Message* message = find(fresh_);
    if (message && message->state == State::active && message->sent < message->total) return;
  }
}

std::optional<std::uint64_t> SendQueue::acknowledged(const SentSpan& span) {
  Message* message = find(span.number);
  if (!message || message->state == State::finished) return std::nullopt;
  if (span.length == 0) {
    finish(*message);
    return std::nullopt;
  }
  if (message->state == State::cancelled) return std::nullopt;
  const Range bytes{span.offset, std::uint64_t{span.offset} + span.length};
  message->acknowledged += message->acknowledged_ranges.insert(bytes);
  if (!message->resend.empty()) {
    unsent_ -= message->resend.erase(bytes);
    if (message->resend.empty()) std::erase(resending_, span.number);
  }
  if (!message->repeat.empty()) {
    message->repeat.erase(bytes);
    if (message->repeat.empty()) std::erase(repeating_, span.number);
  }
  if (message->acknowledged < message->total) return std::nullopt;
  const std::uint64_t id = message->id;
  numbers_.erase(id);
  drop_extras(span.number);
  finish(*message);
  return id;
}

void SendQueue::finish(Message& message) {
  under_way_bytes_ -= message.total;
  message.state = State::finished;
  message.acknowledged_ranges = {};
  message.resend = {};
  message.repeat = {};
  while (!messages_.empty() && messages_.front().state == State::finished) {
    messages_.pop_front();
    ++first_number_;
  }
  admit();
}

void SendQueue::lost(const SentSpan& span, Loss why) {
  Message* message = find(span.number);
  if (!message || message->state == State::finished) return;
  if (span.length == 0) {
    cancels_.push_back(span.number);
    return;
  }
  if (message->state == State::cancelled) return;
  const Range bytes{span.offset, std::uint64_t{span.offset} + span.length};
  message->acknowledged_ranges.for_each_gap(
      bytes, [&](Range gap) { unsent_ += message->resend.insert(gap); });
  if (message->resend.empty()) return;
  insert_sorted(resending_, span.number);
  if (why == Loss::chance) repeat(span.number, bytes);
}

void SendQueue::restart() {
  std::deque<Message> unfinished;
  for (auto& message : messages_) {
    if (message.state != State::active) continue;
    Message& again = unfinished.emplace_back();
    again.id = message.id;
    again.total = message.total;
  }
  messages_ = std::move(unfinished);
  first_number_ = fresh_ = admitted_ = under_way_bytes_ = unsent_ = unprotected_ = 0;
  repairs_.clear();
  resending_.clear();
  repeating_.clear();
  cancels_.clear();
  for (std::uint64_t i = 0; i < messages_.size(); ++i) {
    numbers_[messages_[i].id] = i;
    unsent_ += messages_[i].total;
  }
  admit();
}

}  // namespace axs::net
