#include "axs/learn/gemm.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <cstdint>

namespace axs::learn {

namespace {

at::Tensor view(const float* data, std::size_t rows, std::size_t columns) {
  return at::from_blob(const_cast<float*>(data),
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
                       at::TensorOptions{at::kFloat});
}

void multiply(const at::Tensor& a, const at::Tensor& b, at::Tensor out, Store store) {
  if (store == Store::replace)
    at::mm_out(out, a, b);
  else
    at::addmm_out(out, out, a, b);
}

}  // namespace

void multiply_nt(const float* a, const float* b, float* out, Sizes sizes, Store store) {
  const c10::InferenceMode no_autograd;
  multiply(view(a, sizes.rows, sizes.inner), view(b, sizes.columns, sizes.inner).t(),
           view(out, sizes.rows, sizes.columns), store);
}

void multiply_nn(const float* a, const float* b, float* out, Sizes sizes, Store store) {
  const c10::InferenceMode no_autograd;
  multiply(view(a, sizes.rows, sizes.inner), view(b, sizes.inner, sizes.columns),
           view(out, sizes.rows, sizes.columns), store);
}

void multiply_tn(const float* a, const float* b, float* out, Sizes sizes, Store store) {
  const c10::InferenceMode no_autograd;
  multiply(view(a, sizes.inner, sizes.rows).t(), view(b, sizes.inner, sizes.columns),
           view(out, sizes.rows, sizes.columns), store);
}

void use_threads(int count) {
  at::set_num_threads(count);
}

}  // namespace axs::learn
