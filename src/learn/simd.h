#pragma once

/// Marks a function whose loops are compiled once per width of vector and chosen when the program
/// starts. The loops say what may be reordered with `#pragma omp simd`.
#if defined(__x86_64__)
#define AXS_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define AXS_SIMD
#endif

namespace axs::learn {

/// The alignment of every buffer: one cache line, one AVX-512 vector. The matrix library's results
/// depend on it in the last bit, so it is part of what makes a restart bit-identical.
inline constexpr unsigned alignment = 64;

}  // namespace axs::learn
