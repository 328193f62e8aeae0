#include "axs/net/reassembly.h"

#include <algorithm>

namespace axs::net {

namespace {

/// Whether the two are of one plan: then a byte is in few of all blocks that are.
bool of_one_layout(const RepairBlock& a, const RepairBlock& b) {
  const std::uint64_t apart = std::max(a.first, b.first) - std::min(a.first, b.first);
  return a.length == b.length && a.stride == b.stride && apart < a.step() && apart % a.length == 0;
}

}  // namespace

void Reassembly::Arrival::clear() {
  fresh.clear();
  rebuilt.clear();
  kept = false;
}

Reassembly::Message* Reassembly::open(std::uint64_t number) {
  const std::uint64_t index = number - first_number_;
  if (index >= window_.messages) return nullptr;
  if (index >= messages_.size()) messages_.resize(index + 1);
  return &messages_[index];
}

/// Two messages under one name would be one to the world, which holds their bytes by it.
bool Reassembly::start(Message& message, const DataFrame& frame) {
  if (partial_bytes_ != 0 && partial_bytes_ + frame.total > window_.bytes) return false;
  if (!partial_names_.insert(frame.message).second) return false;
  partial_bytes_ += frame.total;
  message.state = State::partial;
  message.id = frame.message;
  message.total = frame.total;
  return true;
}

Reassembly::Verdict Reassembly::receive(const DataFrame& frame, Arrival& arrival) {
  const Range bytes{frame.offset, std::uint64_t{frame.offset} + frame.length};
  if (frame.length == 0 || bytes.end > frame.total || frame.total > window_.largest)
    return Verdict::refused;
  if (frame.number < first_number_) return Verdict::accepted;
  Message* message = open(frame.number);
  if (!message) return Verdict::refused;
  if (message->state == State::finished) return Verdict::accepted;
  if (message->state == State::unseen && !start(*message, frame)) return Verdict::refused;
  if (message->id != frame.message || message->total != frame.total) return Verdict::refused;
  if (!store(*message, bytes, arrival.fresh)) return Verdict::refused;
  look_at_blocks(*message, bytes, arrival);
  return settle(*message);
}

Reassembly::Verdict Reassembly::receive(const RepairFrame& frame, Arrival& arrival) {
  if (frame.index >= RepairBlock::max_repairs) return Verdict::refused;
  // Of a message of which nothing has come there is nothing to repair.
  if (frame.number - first_number_ >= messages_.size()) return Verdict::accepted;
  Message& message = messages_[frame.number - first_number_];
  if (message.state != State::partial) return Verdict::accepted;
  if (message.id != frame.message || !frame.block.fits(message.total)) return Verdict::refused;
  const auto held = hold(message, frame);
  if (held == message.held.end()) return Verdict::accepted;
  arrival.kept = true;
  arrival.total = message.total;
  if (make_good(message, *held, 1, arrival)) message.held.erase(held);
  return settle(message);
}

Reassembly::Verdict Reassembly::settle(Message& message) {
  if (message.received < message.total) return Verdict::accepted;
  finish(message);
  return Verdict::completed;
}

/// Notes the repair, if it is of use and there is room for it.
std::vector<Reassembly::Held>::iterator Reassembly::hold(Message& message,
                                                         const RepairFrame& frame) {
  std::vector<Held>& all = message.held;
  if (held_bytes_ + frame.block.length + repair_cost > window_.bytes / 8 || pieces_ >= max_pieces)
    return all.end();
  auto held = std::find_if(all.begin(), all.end(),
                           [&](const Held& other) { return other.block == frame.block; });
  if (held == all.end()) {
    const bool room = all.empty() || (all.size() < max_held_blocks &&
                                      of_one_layout(all.front().block, frame.block));
    if (!room || lost_symbols(message, frame.block).empty()) return all.end();
    held = all.insert(held, Held{.block = frame.block, .short_of = 1});
  }
  const std::uint64_t bit = std::uint64_t{1} << frame.index;
  if ((held->indices & bit) != 0) return all.end();
  held->indices |= bit;
  held_bytes_ += frame.block.length + repair_cost;
  return held;
}

void Reassembly::look_at_blocks(Message& message, Range bytes, Arrival& arrival) {
  std::erase_if(message.held, [&](Held& held) {
    const std::uint64_t touched = symbols_in(held.block, bytes);
    return touched > 0 && make_good(message, held, touched, arrival);
  });
}

/// `more` symbols or repairs of the block have come at most. True if nothing of it is missing now.
bool Reassembly::make_good(Message& message, Held& held, std::uint64_t more, Arrival& arrival) {
  if (held.short_of > more) {
    held.short_of -= more;
    return false;
  }
  Rebuilding done{held.block, lost_symbols(message, held.block), {}};
  if (done.lost.size() > held.count()) {
    held.short_of = done.lost.size() - held.count();
    return false;
  }
  for (std::uint32_t i = 0; done.repairs.size() < done.lost.size(); ++i)
    if ((held.indices >> i & 1) != 0) done.repairs.push_back(i);
  pieces_ -= message.ranges.ranges().size();
  const std::uint64_t before = message.received;
  for (const std::uint32_t symbol : done.lost)
    message.received += message.ranges.insert(held.block.symbol(symbol, message.total));
  rebuilt_bytes_ += message.received - before;
  pieces_ += message.ranges.ranges().size();
  held_bytes_ -= held.bytes();
  arrival.rebuilt.push_back(std::move(done));
  return true;
}

/// The symbols of the block of which something is missing.
std::vector<std::uint32_t> Reassembly::lost_symbols(const Message& message,
                                                    const RepairBlock& block) {
  std::vector<std::uint32_t> lost;
  const auto count = static_cast<std::uint32_t>(block.symbols(message.total));
  for (std::uint32_t i = 0; i < count; ++i)
    if (!message.ranges.contains(block.symbol(i, message.total))) lost.push_back(i);
  return lost;
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
  if (message.state == State::partial) {
    partial_bytes_ -= message.total;
    partial_names_.erase(message.id);
  }
  message.state = State::finished;
  pieces_ -= message.ranges.ranges().size();
  message.ranges = {};
  for (const Held& held : message.held) held_bytes_ -= held.bytes();
  message.held = {};
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
  partial_names_.clear();
  first_number_ = partial_bytes_ = pieces_ = held_bytes_ = 0;
}

}  // namespace axs::net
