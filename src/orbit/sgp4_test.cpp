#include "axs/orbit/sgp4.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>

#include "axs/orbit/tle.h"

using namespace axs;
using namespace axs::orbit;

namespace {

MeanElements elements_of(const std::string& line1, const std::string& line2) {
  return parse_tle(line1 + "\n" + line2, "test")->front().elements;
}

// Vanguard 1 and the sample set of Spacetrack Report 3, with states from Vallado et al. 2006.
const MeanElements vanguard =
    elements_of("1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753",
                "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667");
const MeanElements sample =
    elements_of("1 88888U          80275.98708465  .00073094  13844-3  66816-4 0    87",
                "2 88888  72.8435 115.9689 0086731  52.6988 110.5714 16.05824518  1058");

void check_state(const TemeState& got, Vec3 position_km, Vec3 velocity_km_s) {
  CHECK(got.state == OrbitState::fine);
  CHECK(norm(got.position_km - position_km) < 1e-6);
  CHECK(norm(got.velocity_km_s - velocity_km_s) < 1e-8);
}

}  // namespace

TEST_CASE("sgp4: published states, to a millimetre") {
  const Sgp4 a = *prepare(vanguard), b = *prepare(sample);
  check_state(propagate(a, 0), {7022.46529266, -1400.08296755, 0.03995155},
              {1.893841015, 6.405893759, 4.534807250});
  check_state(propagate(a, 360), {-7154.03120202, -3783.17682504, -3536.19412294},
              {4.741887409, -4.151817765, -2.093935425});
  check_state(propagate(b, 120), {1020.69234558, 2286.56260634, -6191.55565927},
              {-3.746543902, 6.467532721, 1.827985678});
  check_state(propagate(b, 1440), {2742.55398832, -6079.67009123, -326.39012649},
              {1.948497651, 1.211072678, -7.356193131});
  // A perigee of 377 km: strong drag over two days.
  const Sgp4 c = *prepare(
      elements_of("1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985",
                  "2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774"));
  check_state(propagate(c, 2880), {1159.27802897, 5056.60175495, 4353.49418579},
              {-5.968060341, -2.314790406, 4.230722669});
}

TEST_CASE("sgp4: time may be given as UTC") {
  const Sgp4 a = *prepare(vanguard);
  const TemeState by_minutes = propagate(a, 90.0);
  const TemeState by_utc = propagate(a, vanguard.epoch + seconds(90 * 60));
  CHECK(norm(by_minutes.position_km - by_utc.position_km) == 0);
}

TEST_CASE("sgp4: deep space: an orbit of half a day, one of a day, near the equator too") {
  const Sgp4 half_day = *prepare(
      elements_of("1 08195U 75081A   06176.33215444  .00000099  00000-0  11873-3 0   813",
                  "2 08195  64.1586 279.0717 6877146 264.7651  20.2257  2.00491383225656"));
  REQUIRE(half_day.deep);
  CHECK(half_day.deep->resonance == Resonance::half_day);
  check_state(propagate(half_day, 720), {2622.13222207, -15125.15464924, 474.51048398},
              {2.688287199, -3.078426664, 4.494979530});
  check_state(propagate(half_day, 1440), {2890.80638268, -15446.43952300, 948.77010176},
              {2.654407490, -2.909344895, 4.486437362});
  const Sgp4 one_day = *prepare(
      elements_of("1 28626U 05008A   06176.46683397 -.00000205  00000-0  10000-3 0  2190",
                  "2 28626   0.0019 286.9433 0000335  13.7918  55.6504  1.00270176  4891"));
  CHECK(one_day.deep->resonance == Resonance::one_day);
  check_state(propagate(one_day, 1440), {42119.96263499, -1925.77567263, -0.19827433},
              {0.140521206, 3.071541613, 0.000179561});
  const Sgp4 backwards = *prepare(
      elements_of("1 25954U 99060A   04039.68057285 -.00000108  00000-0  00000-0 0  6847",
                  "2 25954   0.0004 243.8136 0001765  15.5294  22.7134  1.00271289 15615"));
  check_state(propagate(backwards, -840), {13375.75227587, 39994.27017651, 3.05416854},
              {-2.915424366, 0.975119874, -0.000955576});
}

TEST_CASE("sgp4: orbits below the ground and impossible ones are refused in one sentence") {
  MeanElements elements = sample;
  elements.mean_motion = 17.5;
  CHECK(prepare(elements).error().what ==
        "orbit that is below the ground at its epoch, want one above");
  elements.mean_motion = 0;
  CHECK_FALSE(prepare(elements));
  elements.mean_motion = NAN;
  CHECK_FALSE(prepare(elements));
}

TEST_CASE("sgp4: decades away there is no state") {
  const Sgp4 a = *prepare(vanguard);
  for (const double minutes : {2.1e7, -1e300, double{NAN}, double{INFINITY}})
    CHECK(propagate(a, minutes).state == OrbitState::too_far);
}

TEST_CASE("sgp4: with the constants of WGS-84 it is another orbit of the same size") {
  const Vec3 one = propagate(*prepare(sample, wgs72), 120).position_km;
  const Vec3 other = propagate(*prepare(sample, wgs84), 120).position_km;
  CHECK(norm(one - other) > 0.001);
  CHECK(norm(one - other) < 1);
}

TEST_CASE("sgp4: velocity is the derivative of position, for any orbit") {
  CHECK(rc::check([] {
    MeanElements e{};
    e.inclination_deg = *rc::gen::inRange(0, 180'000) * 1e-3;
    e.raan_deg = *rc::gen::inRange(0, 360) * 1.0;
    e.eccentricity = *rc::gen::inRange(0, 500) * 1e-4;
    e.perigee_deg = *rc::gen::inRange(0, 360) * 1.0;
    e.mean_anomaly_deg = *rc::gen::inRange(0, 360) * 1.0;
    // From a day and a half down to low orbits, deep space in the first half of them.
    e.mean_motion = *rc::gen::element(0.7, 1.0027, 2.0, 4.4, 6.3, 6.5, 11.0, 12.5, 14.0);
    e.bstar = *rc::gen::inRange(0, 100) * 1e-6;
    const Sgp4 s = *prepare(e);
    const double t = *rc::gen::inRange(0, 10'000) * 1.0, h = 0.02;
    const Vec3 before = propagate(s, t - h).position_km, after = propagate(s, t + h).position_km;
    const Vec3 slope = 1 / (2 * h * 60) * (after - before);
    // SGP4's velocity leaves out the rates of its own periodic terms, a few m/s.
    RC_ASSERT(norm(slope - propagate(s, t).velocity_km_s) < 0.05);
  }));
}

TEST_CASE("sgp4: any elements and any time give a state or an error") {
  CHECK(rc::check([] {
    const auto number = [](double scale) { return *rc::gen::inRange(-1000, 1000) * scale; };
    MeanElements e{{},        number(1), number(1),    number(2e-3),
                   number(1), number(1), number(0.03), number(0.01)};
    const Result<Sgp4> s = prepare(e);
    if (!s) return;
    const TemeState state = propagate(*s, number(1e6));
    if (state.state == OrbitState::fine) RC_ASSERT(norm(state.position_km) > 6378);
  }));
}
