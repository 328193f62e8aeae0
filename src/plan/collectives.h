#pragma once

#include <limits>

#include "axs/plan/machine.h"

namespace axs::plan {

/// Devices that take part in a collective operation.
struct Group {
  double ranks;
  double per_node;  ///< how many of them on each node
  double depth;     ///< of a binary tree of its nodes
  Seconds around;   ///< for a message to pass all members on a node

  double nodes() const;
};

/// Ranks that lie `stride` devices apart, `together_max` of them on a node at most.
Group group_of(double ranks, double stride, const Links& links,
               double together_max = std::numeric_limits<double>::infinity());

/// A reduce-scatter or an all-gather of `size` bytes, around a ring: (n-1)/n of them pass every
/// link (Thakur et al. 2005), at the rate of the node or, across nodes, at that of the network
/// cards of its members. `share` is the part of that rate which is left.
Seconds one_pass(Bytes size, Group group, const Links& links, double share = 1);

/// Each rank sends `size` bytes, as many to one other as to the next. What stays on the node and
/// what leaves it go at once; `share` of the latter is not sent twice to a node.
Seconds all_to_all(Bytes size, Group group, const Links& links, double share = 1);

/// The faster of one ring over all ranks, and of: reduce-scatter in the node, a ring over the nodes
/// for each rank's part, all-gather in the node.
Seconds all_reduce(Bytes size, Group group, const Links& links, double share = 1);

}  // namespace axs::plan
