#include "axs/net/reassembly.h"

namespace axs::net {

Reassembly::Message* Reassembly::open(std::uint64_t number) {
  const std::uint64_t index = number - first_number_;
  if (index >= window_.messages) return nullptr;
  if (index >= messages_.size()) messages_.resize(index + 1);
  return &messages_[index];
}

bool Reassembly::start(Message& message, const DataFrame& frame) {
  if (partial_bytes_ != 0 && partial_bytes_ + frame.total > window_.bytes) return false;
  partial_bytes_ += frame.total;
  message.state = State::partial;
  message.id = frame.message;
  message.total = frame.total;
  return true;
}

Reassembly::Verdict Reassembly::receive(const DataFrame& frame, std::vector<Range>& fresh) {
  const Range bytes{frame.offset, std::uint64_t{frame.offset} + frame.length};
  if (frame.length == 0 || bytes.end > frame.total || frame.total > window_.largest)
    return Verdict::refused;
  if (frame.number < first_number_) return Verdict::accepted;
  Message* message = open(frame.number);
  if (!message) return Verdict::refused;
  if (message->state == State::finished) return Verdict::accepted;
  if (message->state == State::unseen && !start(*message, frame)) return Verdict::refused;
  if (message->id != frame.message || message->total != frame.total) return Verdict::refused;
  if (!store(*message, bytes, fresh)) return Verdict::refused;
  if (message->received < message->total) return Verdict::accepted;
  finish(*message);
  return Verdict::completed;
}

bool Reassembly::store(Message& message, Range bytes, std::vector<Range>& fresh) {
  if (pieces_ >= max_pieces && !message.ranges.touches(bytes)) return false;
  message.ranges.for_each_gap(bytes, [&](Range gap) { fresh.push_back(gap); });
  pieces_ -= message.ranges.ranges().size();
  message.received += message.ranges.insert(bytes);
  pieces_ += message.ranges.ranges().size();
  return true;
}

void Reassembly::finish(Message& message) {
  if (message.state == State::partial) partial_bytes_ -= message.total;
  message.state = State::finished;
  pieces_ -= message.ranges.ranges().size();
  message.ranges = {};
  while (!messages_.empty() && messages_.front().state == State::finished) {
    messages_.pop_front();
    ++first_number_;
  }
}

Reassembly::Cancelled Reassembly::cancel(std::uint64_t number) {
  if (number < first_number_) return {};
  Message* message = open(number);
  if (!message) return {Verdict::refused, std::nullopt};
  if (message->state == State::finished) return {};
  Cancelled result;
  if (message->state == State::partial) result.discarded = message->id;
  finish(*message);
  return result;
}

void Reassembly::reset() {
  messages_.clear();
  first_number_ = partial_bytes_ = pieces_ = 0;
}

}  // namespace axs::net
