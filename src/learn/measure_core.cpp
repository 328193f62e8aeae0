#include "axs/learn/measure_core.h"

#include <time.h>

#include <algorithm>

#include "axs/core/assert.h"
#include "axs/core/crypto.h"
#include "axs/learn/adamw.h"
#include "axs/learn/attention.h"
#include "axs/learn/gemm.h"
#include "axs/learn/job.h"
#include "axs/learn/model.h"
#include "axs/learn/ops.h"

namespace axs::learn {

namespace {

/// Processor time of this thread: other work on the machine has no part in it.
double now() {
  timespec time{};
  AXS_ASSERT(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The median of some turns, each long enough for the clock.
template <class Work>
double seconds_of(const Work& work) {
  constexpr std::size_t turns = 9;
  constexpr double turn_least = 0.02;
  work();  // Caches are warm then, and memory is there.
  const double first = now();
  work();
  const auto repeats = static_cast<std::size_t>(turn_least / (now() - first)) + 1;
  std::vector<double> times(turns);
  for (double& time : times) {
    const double begin = now();
    for (std::size_t i = 0; i < repeats; ++i) work();
    time = (now() - begin) / static_cast<double>(repeats);
  }
  std::ranges::nth_element(times, times.begin() + turns / 2);
  return times[turns / 2];
}

/// Some small values: zeros might be treated better.
Buffer filled(std::size_t size) {
  Buffer buffer{size};
  for (std::size_t i = 0; i < size; ++i) buffer.data()[i] = 1e-3F * static_cast<float>(i % 17);
  return buffer;
}

/// A weight's product and those of its two gradients.
double products(Sizes sizes) {
  const auto [rows, outputs, inputs] = sizes;
  const Buffer in = filled(rows * inputs), out = filled(rows * outputs);
  const Buffer weight = filled(outputs * inputs);
  Buffer result{rows * outputs}, d_in{rows * inputs}, d_weight{outputs * inputs};
  return seconds_of([&] {
    multiply_nt(in.data(), weight.data(), result.data(), {rows, outputs, inputs});
    multiply_nn(out.data(), weight.data(), d_in.data(), {rows, inputs, outputs});
    multiply_tn(out.data(), in.data(), d_weight.data(), {outputs, inputs, rows});
  });
}

double products(const ModelShape& shape, std::size_t rows) {
  const std::size_t width = shape.width;
  return products({rows, width + 2 * shape.kv_width(), width}) + products({rows, width, width}) +
         products({rows, 2 * shape.hidden, width}) + products({rows, width, shape.hidden});
}

double attention(const ModelShape& shape, std::size_t sequences) {
  const std::size_t rows = sequences * shape.context;
  Attention attention{shape};
  const Buffer qkv = filled(rows * 3 * shape.width), d_out = filled(rows * shape.width);
  Buffer out{rows * shape.width}, d_qkv{rows * 3 * shape.width};
  Buffer weights{sequences * attention.weights_size()};
  return seconds_of([&] {
    attention.forward(qkv.data(), out.data(), weights.data(), sequences);
    attention.backward({qkv.data(), weights.data(), d_out.data()}, d_qkv.data(), sequences);
  });
}

double pointwise(const ModelShape& shape, std::size_t rows) {
  const std::size_t width = shape.width, hidden = shape.hidden;
  const Buffer in = filled(rows * width), weight = filled(width);
  const Buffer gate_up = filled(rows * 2 * hidden);
  Buffer out{rows * width}, scale{rows}, d_stream{rows * width}, d_weight{width};
  Buffer activated = filled(rows * hidden), d_gate_up{rows * 2 * hidden};
  const RmsNorm norm{{rows, width}, weight.data(), 1e-5F};
  return seconds_of([&] {
    for (int half = 0; half < 2; ++half) {
      rms_norm(norm, in.data(), out.data(), scale.data());
      std::copy_n(in.data(), rows * width, out.data());
      rms_norm_backward(norm, {in.data(), scale.data(), in.data()}, d_stream.data(),
                        d_weight.data());
    }
    swiglu(gate_up.data(), activated.data(), {rows, hidden});
    swiglu_backward(gate_up.data(), activated.data(), d_gate_up.data(), {rows, hidden});
  });
}

/// As RingWorker ends a step of as many sites as the shape has layers: one.
double step_end(const ModelShape& shape) {
  Buffer parameters = filled(parameter_count(shape)), gradient = filled(parameter_count(shape));
  AdamW optimizer{shape, {}};
  const auto sites = static_cast<float>(shape.layers);
  Hash256 hash{};
  return seconds_of([&] {
    for (float& value : gradient.span()) value /= sites;
    optimizer.step(parameters.span(), gradient.span(), 1e-4);
    hash = sha256(bytes_of(parameters.span()));
  });
}

train::LayerMeasured layer(const train::LayerMeasured& of) {
  const ModelShape shape{.vocabulary = 16,
                         .layers = 1,
                         .width = of.width,
                         .heads = of.heads,
                         .kv_heads = of.heads,
                         .hidden = of.hidden,
                         .context = of.context};
  const std::size_t rows = of.sequences * shape.context;
  train::LayerMeasured measured = of;
  measured.products = products(shape, rows);
  measured.attention = attention(shape, of.sequences);
  measured.pointwise = pointwise(shape, rows);
  measured.step_end = step_end(shape);
  return measured;
}

/// Of a layer in which each part is called for next to nothing.
double calls() {
  constexpr std::size_t layers = 32;
  Model model{{.vocabulary = 16,
               .layers = layers,
               .width = 16,
               .heads = 1,
               .kv_heads = 1,
               .hidden = 16,
               .context = 1},
              1,
              1};
  const Batch batch{{1}, {2}};
  return seconds_of([&] { model.loss_and_gradient(batch); }) / layers;
}

}  // namespace

train::CoreMeasured measure_core() {
  use_threads(1);
  train::CoreMeasured measured;
  for (const train::LayerMeasured& of :
       {train::LayerMeasured{
            .width = 64, .heads = 4, .hidden = 176, .context = 48, .sequences = 16},
        {.width = 256, .heads = 4, .hidden = 688, .context = 96, .sequences = 8},
        {.width = 1024, .heads = 8, .hidden = 2736, .context = 192, .sequences = 2}})
    measured.layers.push_back(layer(of));
  measured.calls = calls();
  return measured;
}

}  // namespace axs::learn
