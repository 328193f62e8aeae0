#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include "axs/learn/simd.h"

namespace axs::learn {

/// A fixed number of floats, zero at first, aligned for vectors.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size)
      : data_{static_cast<float*>(
            ::operator new[](size * sizeof(float), std::align_val_t{alignment}))},
        size_{size} {
    std::fill_n(data_.get(), size, 0.0F);
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::span<float> span() { return {data(), size_}; }
  std::span<const float> span() const { return {data(), size_}; }

 private:
  struct Free {
    void operator()(float* data) const { ::operator delete[](data, std::align_val_t{alignment}); }
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t size_{};
};

}  // namespace axs::learn
