#pragma once

namespace axs::cli {

// Each tries one kernel feature with this process's permissions, in a child process or on a socket
// of its own, and leaves no trace. What needs a network namespace is tried inside a new one, as an
// ordinary user inside a new user namespace.

bool network_namespaces_work();
/// A pair of virtual Ethernet cards (rtnetlink kind "veth").
bool veth_works();
/// A network card whose other end is this process (/dev/net/tun).
bool tun_works();
/// The kernel cuts one large send into datagrams (UDP_SEGMENT).
bool udp_gso_works();
/// The kernel joins datagrams before it hands them over (UDP_GRO).
bool udp_gro_works();
/// This user may run a process under SCHED_FIFO.
bool realtime_priority_works();

}  // namespace axs::cli
