#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "axs/catalog/geo.h"
#include "axs/catalog/utc.h"
#include "axs/core/id.h"
#include "axs/core/time.h"
#include "axs/core/units.h"

/// What a person asks AXS to do: sites, links between them, a model to train, and what shall go
/// wrong on the way. Names are resolved: a SiteId is an index into Scenario::sites, a LinkId one
/// into Scenario::links.
namespace axs::catalog {

struct Accelerator {
  std::string type;
  std::uint32_t count = 1;
};

/// How far the clock of a site is from true time: tests give every site its own.
struct ClockError {
  Duration offset;
  double drift_ppm = 0;
};

struct Site {
  std::string name{};
  GeoPoint at{};
  std::string jurisdiction{};
  std::vector<Accelerator> accelerators{};
  ClockError clock{};
};

/// fibre: great circle × route factor at 2c/3; leo: through the sky; wire: a delay that the user
/// states; trace: as somebody measured it.
enum class LinkKind { fibre, leo, wire, trace };

/// What somebody measured of a link, both ways alike: each value holds for a step, and after the
/// last one it begins again.
struct LinkTrace {
  std::string delays_file{};
  std::string capacity_file{};
  Duration delay_step{};
  std::vector<Duration> one_way{};
  Duration rate_step{};
  std::vector<std::int64_t> bytes_per_second{};
};

struct Link {
  SiteId a{};
  SiteId b{};
  LinkKind kind = LinkKind::fibre;
  BytesPerSecond rate_ab{};
  BytesPerSecond rate_ba{};
  double route_factor = 1.4;          ///< fibre only
  std::optional<Duration> one_way{};  ///< wire, and trace: the mean, as the rates are
  std::optional<Duration> jitter{};   ///< otherwise the kind's own
  std::optional<double> loss{};       ///< probability of random loss; otherwise the kind's own
  LinkTrace trace{};                  ///< trace only
};

/// Where satellites come from: a file of two-line elements, or a Walker-delta shell that we
/// generate.
struct WalkerShell {
  Meters altitude;
  double inclination_deg = 53;
  std::uint32_t planes = 0;
  std::uint32_t per_plane = 0;
  std::uint32_t phasing = 1;
};

struct Sky {
  std::variant<std::string, WalkerShell> satellites;
  UtcTime start;
  double speed = 1;  ///< how many seconds the orbits move in one second of the run
  double min_elevation_deg = 25;
};

/// A mixture of experts in place of the feed-forward networks.
struct Experts {
  std::uint32_t count = 0;         ///< of a layer; 0: the model is dense
  std::uint32_t chosen = 0;        ///< for each token
  std::uint32_t shared = 0;        ///< beside them, for all tokens
  std::uint32_t hidden = 0;        ///< width of one
  std::uint32_t dense_layers = 0;  ///< that have Model::hidden in their place

  bool operator==(const Experts&) const = default;
};

/// A decoder: Llama-type over byte tokens unless it says otherwise.
struct Model {
  std::uint32_t layers = 4;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 4;
  std::uint32_t width = 128;
  std::uint32_t hidden = 344;  ///< width of the feed-forward network
  std::uint32_t context = 64;
  std::uint32_t vocabulary = 256;
  std::optional<std::uint32_t> head_width{};  ///< none: width / heads
  bool gated = true;                          ///< SwiGLU; else two matrices with GELU between
  bool tied = true;                           ///< the embedding is the output layer too
  std::uint32_t window = 0;                   ///< tokens that attention looks back; 0: all
  Experts experts{};

  bool operator==(const Model&) const = default;
};

constexpr std::uint32_t head_width(const Model& model) {
  return model.head_width.value_or(model.width / model.heads);
}

/// Weights of the decoder: embedding and output layer, two norms, four projections of attention
/// and the feed-forward network or the experts and their router per layer, and the last norm.
constexpr std::uint64_t parameter_count(const Model& model) {
  const std::uint64_t width = model.width, head = head_width(model);
  const std::uint64_t attention = 2 * width * head * (model.heads + model.kv_heads);
  const std::uint64_t matrices = model.gated ? 3 : 2;
  const Experts& experts = model.experts;
  const std::uint64_t dense_layers = experts.count == 0 ? model.layers : experts.dense_layers;
  const std::uint64_t dense = matrices * width * model.hidden;
  const std::uint64_t mixed =
      width * experts.count + matrices * width * experts.hidden * (experts.count + experts.shared);
  return (model.tied ? 1 : 2) * model.vocabulary * width + model.layers * (2 * width + attention) +
         dense_layers * dense + (model.layers - dense_layers) * mixed + width;
}

/// outer: DiLoCo family, sites exchange compressed pseudo-gradients now and then. every_step: plain
/// synchronous data parallel over an uncompressed ring, the baseline.
enum class SyncMode { outer, every_step };

struct InnerRule {
  double rate_peak = 1e-3;
  double rate_final = 1e-4;
  std::uint32_t warmup_steps = 100;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0.1;
  double clip_norm = 1.0;
};

struct OuterRule {
  std::uint32_t period = 8;     ///< inner steps between two synchronisations of the same fragment
  std::uint32_t fragments = 1;  ///< parts of the model that are synchronised in turn
  double rate = 1.0;
  double momentum = 0.4;  ///< Nesterov
  /// Of the inner learning rates, which are those of the whole batch. What sites do apart is
  /// averaged: their noise cancels, so each may take longer steps than all could together.
  double inner_scale = 2;
  /// beta1 of the inner AdamW, in place of that of the whole batch. Merges that come late are a
  /// momentum of their own (Mitliagkas et al. 2016, arXiv:1605.09774), so AdamW needs less of it.
  double inner_beta1 = 0.65;
  /// Further steps that a site computes after a capture before it needs what is merged; none: until
  /// the same fragment is due again.
  std::optional<std::uint32_t> overlap{};
  std::uint32_t bits = 4;  ///< of a value that is exchanged, before entropy coding: 4 or 16
};

/// What the replicas of one site compute in a step, side by side: so many micro-batches each, one
/// after the other.
struct SiteShare {
  std::vector<std::uint32_t> micro_batches{};
};
/// How a plan deals out the batch.
struct Shares {
  std::uint32_t micro_batch = 1;  ///< sequences
  std::vector<SiteShare> sites{};
};

struct Train {
  SyncMode sync = SyncMode::outer;
  std::uint64_t tokens = 0;      ///< over all sites together
  std::uint32_t sequences = 12;  ///< per step over all sites together
  InnerRule inner;
  OuterRule outer;
  /// None: all sites have one replica and as many sequences, in one piece.
  std::optional<Shares> shares{};
};

/// What AdamW of each site follows: in outer synchronisation with rates and a beta1 of its own.
constexpr InnerRule inner_rule(const Train& train) {
  InnerRule rule = train.inner;
  if (train.sync == SyncMode::every_step) return rule;
  rule.rate_peak *= train.outer.inner_scale;
  rule.rate_final *= train.outer.inner_scale;
  rule.beta1 = train.outer.inner_beta1;
  return rule;
}

/// Sequences that one of `sites` computes in a step; without shares, the remainder of an uneven
/// division is not computed.
constexpr std::uint64_t site_sequences(const Train& train, SiteId site, std::uint32_t sites) {
  if (!train.shares) return std::max(1u, train.sequences / sites);
  std::uint64_t micro_batches = 0;
  for (const std::uint32_t of_replica : train.shares->sites[site.value].micro_batches)
    micro_batches += of_replica;
  return train.shares->micro_batch * micro_batches;
}
/// The tokens in them.
constexpr std::uint64_t site_tokens_per_step(const Train& train, const Model& model, SiteId site,
                                             std::uint32_t sites) {
  return site_sequences(train, site, sites) * model.context;
}
/// Of all sites together.
constexpr std::uint64_t tokens_per_step(const Train& train, const Model& model,
                                        std::uint32_t sites) {
  std::uint64_t tokens = 0;
  for (std::uint32_t i = 0; i < sites; ++i)
    tokens += site_tokens_per_step(train, model, SiteId{i}, sites);
  return tokens;
}

struct CutLink {
  LinkId link;
  Duration lasts;
};
struct SlowSite {
  SiteId site;
  double factor = 1;
  Duration lasts;
};
enum class Process { worker, agent, controller };
struct KillProcess {
  std::optional<SiteId> site;  ///< none for the controller
  Process process = Process::worker;
};

/// When a fault happens, or a transfer is due: after a span of time, or after a share (0..1) of the
/// run's tokens.
using FaultTime = std::variant<Duration, double>;

struct Fault {
  FaultTime at;
  std::variant<CutLink, SlowSite, KillProcess> what;
};

/// Bulk data that one site sends another during the run: a checkpoint, a pushed model.
struct Transfer {
  SiteId from{};
  SiteId to{};
  std::string name{};    ///< of the file that arrives; no other that arrives there has it
  std::string file{};    ///< where it lies at the sender; empty: its bytes are made up, to rehearse
  std::uint64_t size{};  ///< of a file when the scenario was read
  FaultTime at{};
};

struct Scenario {
  std::string name{};
  std::uint64_t seed = 1;
  Model model;
  Train train;
  std::vector<Site> sites;
  std::vector<Link> links;
  std::optional<Sky> sky;
  std::vector<Fault> faults;
  std::vector<Transfer> transfers;
};

}  // namespace axs::catalog
