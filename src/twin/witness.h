#pragma once

#include "axs/core/wire.h"
#include "axs/fabric/site.h"

namespace axs::twin {

/// Sees what happens in a twin as it happens, and changes nothing of it: for tests of what must
/// always hold.
class Witness {
 public:
  virtual ~Witness() = default;
  /// The agent of `site` has started, or died.
  virtual void started(SiteId site) = 0;
  virtual void died(SiteId site) = 0;
  /// The link has been cut, or has healed; nobody has noticed yet.
  virtual void cut_or_healed(LinkId link) = 0;
  /// What the agent of `site` is about to be told.
  virtual void learns(SiteId site, const fabric::Site::Event& event) = 0;
  /// What the agent of `site` has decided, before it is performed.
  virtual void decided(SiteId site, const fabric::Site::Action& action) = 0;
  /// These bytes, of which nothing more is known to the wire, leave `site` over a link.
  virtual void on_wire(SiteId site, LinkId link, ByteView packet) = 0;
  /// The packet that left `from` has come to `at` after so many links.
  virtual void arrived(SiteId from, SiteId to, SiteId at, std::uint32_t links) = 0;
};

}  // namespace axs::twin
