# Headers that are read once for all files of a kind: compilers spend much of their time on them.
#
# Tests get their frameworks so, libraries that clang sanitizes the standard library and JSON. Plain
# libraries read what they include themselves: a file that forgets a header is refused.

# axs_precompile(<target> <owner> <header>...): the headers for the target's files. The first target
# of an owner is the owner itself; later ones use what was compiled for it.
function(axs_precompile target owner)
  if(target STREQUAL owner)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
  # The time of the file would keep ccache from finding what was made of it.
  target_compile_options(${target} PRIVATE
    $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>)
endfunction()

function(axs_precompile_test target)
  axs_precompile(${target} axs_test_main <algorithm> <map> <optional> <string> <vector>
                 <doctest/doctest.h> <rapidcheck.h>)
endfunction()

function(axs_precompile_library target)
  # GCC 12 crashes on some files with them.
  if(AXS_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    axs_precompile(${target} axs_core <algorithm> <array> <cmath> <filesystem> <fstream>
                   <functional> <map> <memory> <optional> <span> <string> <variant> <vector>
                   <nlohmann/json.hpp>)
  endif()
endfunction()
