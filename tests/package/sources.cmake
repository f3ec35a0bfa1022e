# Tests of the package as its users meet it: every public header alone, the README's sample, and a
# program outside the tree that finds an installed copy.

# headers_alone: one file a header, which includes it twice and nothing else.
get_property(rooms GLOBAL PROPERTY attune_modules)
foreach(room IN LISTS rooms ITEMS umbrella)
  get_property(headers GLOBAL PROPERTY attune_${room}_headers)
  if(room STREQUAL "umbrella")
    set(headers attune.h tensor.h nn.h optim.h tune.h tabular.h)
  endif()
  foreach(header IN LISTS headers)
    set(file ${PROJECT_BINARY_DIR}/headers_alone/${header}.cpp)
    file(CONFIGURE OUTPUT ${file}
         CONTENT "#include <attune/${header}>\n#include <attune/${header}>\n")
    list(APPEND header_files ${file})
  endforeach()
endforeach()
add_library(attune_headers_alone OBJECT EXCLUDE_FROM_ALL ${header_files})
target_link_libraries(attune_headers_alone PRIVATE attune::attune attune_build_flags)
add_test(NAME headers_alone COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR}
                                    --target attune_headers_alone)
set_tests_properties(headers_alone PROPERTIES LABELS slow RESOURCE_LOCK build)

add_test(NAME public_headers
         COMMAND bash ${PROJECT_SOURCE_DIR}/tests/package/public_headers.sh ${PROJECT_SOURCE_DIR})

# readme_sample: the first C++ block of README.md, built and run as it stands there.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/README.md)
file(READ ${PROJECT_SOURCE_DIR}/README.md readme)
string(FIND "${readme}" "```cpp\n" start)
string(SUBSTRING "${readme}" ${start} -1 readme)
string(FIND "${readme}" "\n```\n" end)
math(EXPR length "${end} - 6")
string(SUBSTRING "${readme}" 7 ${length} sample)
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/readme_sample.cpp CONTENT "${sample}")
add_executable(attune_readme_sample ${PROJECT_BINARY_DIR}/readme_sample.cpp)
target_link_libraries(attune_readme_sample PRIVATE attune::attune)
add_test(NAME readme_sample COMMAND attune_readme_sample)

# example_*: every example, built and run.
file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.cpp)
foreach(example IN LISTS examples)
  cmake_path(GET example STEM name)
  add_executable(attune_example_${name} ${example})
  set_target_properties(attune_example_${name} PROPERTIES OUTPUT_NAME example_${name})
  target_link_libraries(attune_example_${name} PRIVATE attune::attune attune_build_flags)
  add_test(NAME example_${name} COMMAND attune_example_${name}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})  # data is named from there: examples/data/…
  set_tests_properties(example_${name} PROPERTIES LABELS example)
endforeach()

# consumer_*: tests/consumer against an installed copy, and with attune as a part of it.
if(ATTUNE_INSTALL AND NOT BUILD_SHARED_LIBS)
  foreach(kind static shared)
    add_test(NAME consumer_${kind}
             COMMAND bash ${PROJECT_SOURCE_DIR}/tests/package/consumer.sh
                     ${kind} ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
    set_tests_properties(consumer_${kind} PROPERTIES LABELS slow RESOURCE_LOCK build TIMEOUT 1500)
  endforeach()
endif()
add_test(NAME consumer_subdirectory
         COMMAND bash ${PROJECT_SOURCE_DIR}/tests/package/subdirectory.sh
                 ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
set_tests_properties(consumer_subdirectory PROPERTIES LABELS slow)

add_test(NAME docs COMMAND bash ${PROJECT_SOURCE_DIR}/tests/package/docs.sh ${PROJECT_SOURCE_DIR})
