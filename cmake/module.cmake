# attune_module(nn SOURCES nn/linear.cpp ... DEPENDS tensor PRIVATE fmt::fmt)
# makes target attune::nn from folder nn/. Every nn/**.h is reachable as <attune/nn/**.h>:
# in the build tree by one-line forwarding headers, once installed by the real ones.
# What lies in an internal/ folder, and what is given as PRIVATE, stays invisible to users.
function(attune_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(attune_${name} ${ARG_SOURCES})
  add_library(attune::${name} ALIAS attune_${name})
  set_target_properties(attune_${name} PROPERTIES
    EXPORT_NAME ${name}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}
    POSITION_INDEPENDENT_CODE ON)
  target_compile_features(attune_${name} PUBLIC cxx_std_20)
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(attune_${name} PUBLIC attune_${dependency})
  endforeach()
  target_link_libraries(attune_${name} PRIVATE attune_build_flags ${ARG_PRIVATE})

  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${name}/*.h)
  foreach(header IN LISTS headers)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/include/attune/${header}
         CONTENT "#include \"${PROJECT_SOURCE_DIR}/${header}\"\n")
    if(NOT header MATCHES "/internal/")
      get_filename_component(folder ${header} DIRECTORY)
      install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attune/${folder}
              COMPONENT development)
    endif()
  endforeach()
  target_include_directories(attune_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
           $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  install(TARGETS attune_${name} EXPORT attune-targets COMPONENT development)
endfunction()
