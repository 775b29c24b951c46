# longtake_library(NAME SOURCES a.cc ... [LINKS longtake::x ...] [PRIVATE_LINKS lib ...])
#   one static library per folder of src/, included as "NAME/header.h".
# longtake_test(NAME SOURCES a_test.cc ... LINKS ... [LABELS long ...])
#   one GoogleTest program; ctest runs each of its tests on its own, so that a crash names its test.

function(longtake_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(longtake_${name} STATIC ${ARG_SOURCES})
  add_library(longtake::${name} ALIAS longtake_${name})
  target_include_directories(longtake_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(longtake_${name} PUBLIC longtake::flags ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
endfunction()

function(longtake_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS;LABELS;DEFINITIONS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} longtake::flags GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE ${ARG_DEFINITIONS})
  # Only what asks for a path gets it, so that ccache knows the rest again in a checkout elsewhere.
  foreach(source IN LISTS ARG_SOURCES)
    file(STRINGS ${CMAKE_CURRENT_SOURCE_DIR}/${source} asks REGEX "LONGTAKE_(SOURCE|BINARY)_DIR")
    if(asks)
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_DEFINITIONS
                   LONGTAKE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" LONGTAKE_BINARY_DIR="${CMAKE_BINARY_DIR}")
    endif()
  endforeach()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600 LABELS "${ARG_LABELS}")
endfunction()
