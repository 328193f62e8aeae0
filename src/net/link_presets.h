#pragma once

#include "axs/net/pipe.h"

namespace axs::net {

/// What kind of terminal joins a site to the constellation. A consumer dish is asymmetric and
/// lossy; a gateway is an operator's ground station with several tracking antennas.
enum class LeoTerminal { gateway, consumer_up, consumer_down };

/// A leased wavelength or a quiet carrier: 50 ms of buffer, hardly any jitter, loss of one in a
/// million. These three are our assumptions (carriers promise less than 1e-4 loss and 1 ms jitter).
PipeConfig fibre(Duration one_way, BytesPerSecond rate);

/// A path over low earth orbit. Delay and rate are the caller's, from the orbits and the contract:
/// a consumer dish carries 100-400 Mb/s down and at most 50 Mb/s up. The path is reconfigured
/// every 15 s (arXiv 2310.09242), which the forecast's changes of path replace when there is one.
///
/// consumer: 1.5 % loss unrelated to congestion and handovers that add 30-50 ms (Huston, APNIC
/// 2024: 1-2 %); half the packets lost near a handover (IMC 2022); queues of 500 packets up and
/// 50,000 down (LeoReplayer's settings, 1,500-byte packets).
/// gateway: loss of 1e-4 (LeoReplayer, downlink) and, our assumption, a handover between two
/// tracking antennas that shows for 20 ms only; 100 ms of buffer.
/// Jitter of both: mean 0.9 ms, drawn anew every 10 ms. Successive draws then differ by 0.9 ms on
/// average and 4.1 ms at p99, as the LeoCC trace (SIGCOMM 2025) does: 0.9 and 4 ms.
PipeConfig leo(LeoTerminal terminal, Duration one_way, BytesPerSecond rate);

/// As somebody measured it. The queue holds a second of the mean rate, as mahimahi's droptail queue
/// does in the experiments that use such traces. Neither trace may be empty.
PipeConfig measured(DelayTrace delays, CapacityTrace capacity);

/// Of all steps of a trace that is not empty.
BytesPerSecond mean_rate(const CapacityTrace& capacity);
Duration mean_delay(const DelayTrace& delays);

}  // namespace axs::net
