#pragma once

#include "axs/core/crypto.h"
#include "axs/core/time.h"

namespace axs {

/// What a twin run did, in 32 bytes: SHA-256 over every (instant, policy, event, actions), in
/// order.
class Digest {
 public:
  /// `policy` is the number of the policy object in the world that steps it.
  template <class Event, class Actions>
  void record(Instant now, std::uint32_t policy, const Event& event, const Actions& actions) {
    buffer_.clear();
    WireWriter writer{buffer_};
    writer.put(now);
    writer.put(policy);
    writer.put(event);
    writer.put(static_cast<std::uint32_t>(actions.size()));
    for (const auto& action : actions) writer.put(action);
    sha_.update(buffer_);
  }
  Hash256 value() const { return sha_.value(); }

 private:
  Sha256 sha_;
  ByteVector buffer_;
};

}  // namespace axs
