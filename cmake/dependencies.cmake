# Everything that is not ours, with the version we hold it to. Debian packages are named in
# packages.txt; OpenSSL >= 3.5 and libtorch come from the private folder that ./axs fills.

find_package(Boost 1.81 REQUIRED)           # Asio and Beast, headers only
find_package(SQLite3 3.40 REQUIRED)
find_package(tomlplusplus 3.3 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9.1 REQUIRED)
find_package(doctest 2.4 REQUIRED)
find_package(benchmark 1.7 REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)

find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
add_library(rapidcheck INTERFACE IMPORTED)
target_link_libraries(rapidcheck INTERFACE ${RAPIDCHECK_LIBRARY})

# The static archive of OpenSSL 3.5 (ML-KEM, wide AES-GCM). Debian's trixie archive was built
# against a newer glibc; openssl_shim.c supplies the one symbol that bookworm's lacks.
find_library(ZSTD_LIBRARY zstd REQUIRED)
foreach(part crypto ssl)
  add_library(axs_openssl_${part} STATIC IMPORTED)
  set_target_properties(axs_openssl_${part} PROPERTIES
    IMPORTED_LOCATION ${AXS_TOOLS}/openssl/lib/lib${part}.a
    INTERFACE_INCLUDE_DIRECTORIES ${AXS_TOOLS}/openssl/include)
endforeach()
if(NOT EXISTS ${AXS_TOOLS}/openssl/lib/libcrypto.a)
  message(FATAL_ERROR "OpenSSL 3.5 is not in ${AXS_TOOLS}/openssl; ./axs setup brings it")
endif()
add_library(axs_openssl_shim STATIC ${PROJECT_SOURCE_DIR}/cmake/openssl_shim.c)
target_link_libraries(axs_openssl_crypto INTERFACE axs_openssl_shim ZLIB::ZLIB ${ZSTD_LIBRARY}
                                                   Threads::Threads ${CMAKE_DL_LIBS})
target_link_libraries(axs_openssl_ssl INTERFACE axs_openssl_crypto)

# libtorch out of the Python package, its CPU half alone: the package's own CMake files would want a
# CUDA toolkit where the package was built for CUDA.
set(AXS_TORCH_VERSION "none")
if(AXS_LEARN)
  file(GLOB torch_folder ${AXS_TOOLS}/venv/lib/python3*/site-packages/torch)
  if(NOT EXISTS ${torch_folder}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "libtorch is not in ${AXS_TOOLS}/venv; ./axs setup brings it")
  endif()
  add_library(torch INTERFACE IMPORTED)
  target_include_directories(torch SYSTEM INTERFACE
    ${torch_folder}/include ${torch_folder}/include/torch/csrc/api/include)
  target_link_libraries(torch INTERFACE
    ${torch_folder}/lib/libtorch_cpu.so ${torch_folder}/lib/libc10.so)
  target_link_options(torch INTERFACE -Wl,-rpath,${torch_folder}/lib)
  file(STRINGS ${torch_folder}/version.py version_line REGEX "^__version__")
  string(REGEX MATCH "[0-9][^']*" AXS_TORCH_VERSION "${version_line}")
endif()
