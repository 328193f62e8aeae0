#include "axs/orbit/sgp4_batch.h"

#include <bit>
#include <cmath>

#include "axs/core/assert.h"

namespace axs::orbit {

namespace {

/// The kernel's rule must have a chance to hold.
bool suits_kernel(const Sgp4& s) {
  return !s.deep && s.eccentricity <= sgp4_kernel::eccentricity_max;
}

/// Whole days since 1970, and minutes of the day.
struct DayTime {
  double day;
  double minute;
};

DayTime day_time(catalog::UtcTime at) {
  constexpr std::int64_t day_ns = 86'400'000'000'000;
  const std::int64_t in_day = (at.ns % day_ns + day_ns) % day_ns;
  return {static_cast<double>((at.ns - in_day) / day_ns), static_cast<double>(in_day) / 6e10};
}

void fill(Sgp4Block& b, std::size_t lane, const Sgp4& s) {
  const DayTime epoch = day_time(s.epoch);
  b.epoch_day[lane] = epoch.day, b.epoch_minute[lane] = epoch.minute;
  b.mean_anomaly[lane] = s.mean_anomaly, b.anomaly_rate[lane] = s.anomaly_rate;
  b.perigee[lane] = s.perigee, b.perigee_rate[lane] = s.perigee_rate;
  b.node[lane] = s.node, b.node_rate[lane] = s.node_rate, b.node_drag[lane] = s.node_drag;
  b.perigee_drag[lane] = s.perigee_drag, b.anomaly_drag[lane] = s.anomaly_drag;
  b.eta[lane] = s.eta, b.anomaly_drag_offset[lane] = s.anomaly_drag_offset;
  b.eccentricity[lane] = s.eccentricity, b.eccentricity_drag[lane] = s.eccentricity_drag;
  b.eccentricity_periodic_drag[lane] = s.eccentricity_periodic_drag;
  b.sin_anomaly[lane] = s.sin_anomaly;
  for (std::size_t power = 0; power < 4; ++power) {
    b.drag[power][lane] = s.drag[power];
    b.longitude_drag[power][lane] = s.longitude_drag[power];
  }
  b.mean_motion[lane] = s.mean_motion, b.semi_major[lane] = s.semi_major;
  b.inverse_semi_major[lane] = 1 / s.semi_major;
  b.inverse_root_semi_major[lane] = 1 / std::sqrt(s.semi_major);
  const Tilt& tilt = s.tilt;
  const double j2 = s.gravity.j2;
  b.long_period_axis[lane] = tilt.long_period_axis;
  b.long_period_longitude[lane] = tilt.long_period_longitude;
  b.sin_inclination[lane] = tilt.sin, b.cos_inclination[lane] = tilt.cos;
  b.latitude_term[lane] = -j2 / 8 * tilt.seven_cos2_less_1;
  b.node_term[lane] = 0.75 * j2 * tilt.cos;
  b.inclination_term[lane] = b.node_term[lane] * tilt.sin;
  b.radius_term[lane] = 0.75 * j2 * tilt.three_cos2_less_1;
  b.rate_term[lane] = 0.5 * j2 * tilt.sin2;
}

void run_at(SimdLevel level, const Sgp4Run& run) {
  switch (level) {
    case SimdLevel::scalar:
      return sgp4_scalar(run);
    case SimdLevel::avx2:
      return sgp4_avx2(run);
    case SimdLevel::avx512:
      return sgp4_avx512(run);
  }
}

void set(TemeBlock& b, std::size_t lane, const TemeState& s) {
  b.x[lane] = s.position_km.x, b.y[lane] = s.position_km.y, b.z[lane] = s.position_km.z;
  b.vx[lane] = s.velocity_km_s.x, b.vy[lane] = s.velocity_km_s.y, b.vz[lane] = s.velocity_km_s.z;
}

}  // namespace

TemeState TemeStates::operator[](std::size_t satellite) const {
  const TemeBlock& b = blocks_[satellite / block_lanes];
  const std::size_t lane = satellite % block_lanes;
  return {
      {b.x[lane], b.y[lane], b.z[lane]}, {b.vx[lane], b.vy[lane], b.vz[lane]}, states_[satellite]};
}

Sgp4Batch::Sgp4Batch(std::vector<Sgp4> satellites, SimdLevel level)
    : satellites_{std::move(satellites)},
      level_{level},
      blocks_((satellites_.size() + block_lanes - 1) / block_lanes),
      left_out_(blocks_.size()) {
  for (const Sgp4& satellite : satellites_) AXS_ASSERT(satellite.gravity == satellites_[0].gravity);
  for (std::size_t i = 0; i < blocks_.size() * block_lanes; ++i) {
    const std::size_t block = i / block_lanes, lane = i % block_lanes;
    if (i < satellites_.size() && suits_kernel(satellites_[i]))
      fill(blocks_[block], lane, satellites_[i]);
    else if (i < satellites_.size())
      left_out_[block] = static_cast<std::uint16_t>(left_out_[block] | 1U << lane);
  }
}

void Sgp4Batch::propagate(catalog::UtcTime at, TemeStates& states) const {
  states.states_.assign(satellites_.size(), OrbitState::fine);
  states.blocks_.resize(blocks_.size());
  if (satellites_.empty()) return;
  states.broken_.resize(blocks_.size());
  const Gravity& gravity = satellites_[0].gravity;
  const DayTime now = day_time(at);
  run_at(level_, {.blocks = blocks_.data(),
                  .count = blocks_.size(),
                  .day = now.day,
                  .minute = now.minute,
                  .minutes_max = minutes_max,
                  .earth_radius_km = gravity.radius_km,
                  .speed_km_s = gravity.radius_km * gravity.ke / 60,
                  .states = states.blocks_.data(),
                  .broken = states.broken_.data()});
  for (std::size_t block = 0; block < blocks_.size(); ++block) complete(block, at, states);
}

void Sgp4Batch::complete(std::size_t block, catalog::UtcTime at, TemeStates& states) const {
  unsigned lanes = states.broken_[block] | left_out_[block];
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(std::countr_zero(lanes));
    const std::size_t satellite = block * block_lanes + lane;
    if (satellite >= satellites_.size()) break;
    const TemeState state = orbit::propagate(satellites_[satellite], at);
    set(states.blocks_[block], lane, state);
    states.states_[satellite] = state.state;
  }
}

}  // namespace axs::orbit
