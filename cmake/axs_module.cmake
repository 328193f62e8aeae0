# axs_module(<name> [PURE] [DEPS <module>...] [PRIVATE_DEPS <module>...] [EXTERNAL <target>...]
#            [TEST_DEPS <module>...] [TEST_EXTERNAL <target>...])
#
# One folder is one library. Each library gets its own include root, so a header
# is visible only to modules that declare the dependency. A dependency must
# already be declared, so the order of add_subdirectory() calls is a topological
# order and a cycle cannot be written down.
#
# main.cpp is left for axs_program(). *_test.cpp become one test program, unit.<name>; *_bench.cpp
# one benchmark program, <name>_bench.
function(axs_module name)
  cmake_parse_arguments(PARSE_ARGV 1 module "PURE" ""
                        "DEPS;PRIVATE_DEPS;EXTERNAL;TEST_DEPS;TEST_EXTERNAL")
  set(target axs_${name})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp *.h)
  list(FILTER sources EXCLUDE REGEX "(_(test|bench)|/main)\\.cpp$")
  add_library(${target} STATIC ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX AXS_PURE "${module_PURE}")

  set(include_root ${PROJECT_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${include_root}/axs)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${include_root}/axs/${name} SYMBOLIC)
  target_include_directories(${target} PUBLIC ${include_root})

  foreach(dep IN LISTS module_DEPS module_PRIVATE_DEPS)
    if(NOT TARGET axs_${dep})
      message(FATAL_ERROR "${name} depends on ${dep}, which is not declared before it")
    endif()
    get_target_property(dep_pure axs_${dep} AXS_PURE)
    if(module_PURE AND NOT dep_pure)
      message(FATAL_ERROR "pure module ${name} may not depend on ${dep}, which does IO")
    endif()
  endforeach()
  list(TRANSFORM module_DEPS PREPEND axs_)
  list(TRANSFORM module_PRIVATE_DEPS PREPEND axs_)
  list(TRANSFORM module_TEST_DEPS PREPEND axs_)
  target_link_libraries(${target} PUBLIC ${module_DEPS}
                                  PRIVATE ${module_PRIVATE_DEPS} ${module_EXTERNAL})
  axs_precompile_library(${target})

  axs_check_headers(${name} ${module_PRIVATE_DEPS} ${module_EXTERNAL})
  if(module_PURE)
    add_test(NAME purity.${name}
             COMMAND ${PROJECT_SOURCE_DIR}/cmake/check_pure.sh ${CMAKE_CURRENT_SOURCE_DIR}
                     $<TARGET_FILE:${target}>)
  endif()

  file(GLOB tests CONFIGURE_DEPENDS *_test.cpp)
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} ${module_TEST_DEPS} ${module_TEST_EXTERNAL}
                                               axs_test_main rapidcheck)
    axs_precompile_test(${name}_test)
    target_compile_definitions(${name}_test PRIVATE AXS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME unit.${name} COMMAND ${name}_test)
    # Property tests draw from a fixed seed, which they print, so that a red test stays red.
    set_tests_properties(unit.${name} PROPERTIES ENVIRONMENT "RC_PARAMS=seed=20251008")
  endif()

  file(GLOB benches CONFIGURE_DEPENDS *_bench.cpp)
  if(benches)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE ${target} benchmark::benchmark_main)
    target_compile_definitions(${name}_bench PRIVATE AXS_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    axs_benchmark(${name}_bench)
  endif()
endfunction()

# axs_benchmark(<target>): measures speed, which no sanitizer build does, so none builds it by
# itself.
function(axs_benchmark target)
  if(AXS_SANITIZE)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
  endif()
endfunction()

# axs_program(<name> <module>): the program that the module's main.cpp starts, in bin/. The target
# `programs` builds all of them and nothing else.
add_custom_target(programs)
function(axs_program name module)
  string(REPLACE "-" "_" target ${name}_program)
  add_executable(${target} main.cpp)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_link_libraries(${target} PRIVATE axs_${module})
  add_dependencies(programs ${target})
endfunction()
