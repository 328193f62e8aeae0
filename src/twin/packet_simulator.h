#pragma once

#include <vector>

#include "axs/twin/flow_scene.h"

namespace axs::twin {

/// The same scene packet by packet, for small scenes that pass validate(): queues and round trips,
/// which the fluid model leaves out, are there.
///
/// Each link is a FairQueue in front of a net::Pipe, which serialises one packet at a time and then
/// delays it. A source keeps under way what the round trip holds at the rate of its slowest link,
/// and two packets per link; it is paced by its cap only and knows nothing of fair rates. An
/// acknowledgement comes back after the propagation of the route. Fair queues and windows that
/// suffice lead to max-min fairness (Hahne, "Round-robin scheduling for max-min fairness in data
/// networks", JSAC 1991), so whether the fluid model is right is not assumed but seen.
///
/// A cut loses what waits before the link, then and whenever some route changes, and what comes
/// late over a route that has been changed; the source learns of it after the propagation there and
/// back and sends it again. There is no other loss.
std::vector<FlowEnd> play_packets(const FlowScene& scene);

}  // namespace axs::twin
