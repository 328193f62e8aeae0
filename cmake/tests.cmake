# Tests that are not a module's unit tests; tests/CMakeLists.txt declares them.

# What a test may import beyond Python's own library (transformers, sgp4 ...) is here; ./axs test
# makes it. Scripts that need nothing of that run under /usr/bin/python3.
set(AXS_TEST_PYTHON ${AXS_TOOLS}/venv-test/bin/python)

# axs_shared_test(NAME <name> NEEDS <file>... COMMAND <command>...)
#
# A test on inputs that are too large for the repository and lie in ../shared. It is visibly skipped
# where one of the files is absent, and .ci/run takes such a skip for a failure. In the command,
# ${AXS_SHARED}/<file> is the file.
set(AXS_SHARED ${PROJECT_SOURCE_DIR}/../shared)
function(axs_shared_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME" "NEEDS;COMMAND")
  list(TRANSFORM test_NEEDS PREPEND ${AXS_SHARED}/)
  add_test(NAME shared.${test_NAME}
           COMMAND ${PROJECT_SOURCE_DIR}/tools/skip_without.sh ${test_NEEDS} -- ${test_COMMAND})
  set_tests_properties(shared.${test_NAME} PROPERTIES SKIP_RETURN_CODE 77 LABELS shared)
endfunction()

# Whether a header is the first that the source file of its name includes: the compilation of that
# file then shows that the header compiles on its own.
function(axs_is_included_first header result)
  string(REGEX REPLACE "\\.h$" ".cpp" source ${header})
  set(${result} FALSE PARENT_SCOPE)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
    if(first MATCHES "/${header}[\">]")
      set(${result} TRUE PARENT_SCOPE)
    endif()
  endif()
endfunction()

# Every header compiles on its own. axs_module() adds those to this target that no source file
# includes first; the test style.headers builds it.
add_custom_target(headers)
function(axs_check_headers name)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.h)
  set(units "")
  foreach(header IN LISTS headers)
    axs_is_included_first(${header} is_included_first)
    if(is_included_first)
      continue()
    endif()
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${header}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"axs/${name}/${header}\"\n")
    list(APPEND units ${unit})
  endforeach()
  if(units)
    add_library(${name}_headers OBJECT EXCLUDE_FROM_ALL ${units})
    target_link_libraries(${name}_headers PRIVATE axs_${name} ${ARGN})
    add_dependencies(headers ${name}_headers)
  endif()
endfunction()
