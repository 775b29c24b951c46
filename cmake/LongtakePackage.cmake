# The Debian package: what `cpack -G DEB` in a build folder packs. Included by the top CMakeLists.txt, last.
# LICENSE, when there is one, goes in beside packaging/debian/copyright.
set(LONGTAKE_PACKAGING ${CMAKE_SOURCE_DIR}/packaging)

install(TARGETS longtake RUNTIME DESTINATION bin)
# The page is built by npm, not by this build; a package without it serves the API only, so that is said.
if(EXISTS ${CMAKE_SOURCE_DIR}/web/dist/index.html)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/web/dist/ DESTINATION share/longtake/web)
else()
  message(STATUS "web/dist is not built: a package made here is without the page")
endif()
install(FILES ${LONGTAKE_PACKAGING}/longtake.service DESTINATION /lib/systemd/system)
# It may hold cameras' passwords: for root and the service only (postinst gives it the service's group).
install(FILES ${LONGTAKE_PACKAGING}/longtake.toml DESTINATION /etc/longtake PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES ${LONGTAKE_PACKAGING}/debian/copyright DESTINATION share/doc/longtake)
if(EXISTS ${CMAKE_SOURCE_DIR}/LICENSE)
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/longtake)
endif()
foreach(page_and_words longtake.1:share/man/man1:longtake.1
                       completion.bash:share/bash-completion/completions:longtake
                       completion.zsh:share/zsh/vendor-completions:_longtake
                       completion.fish:share/fish/vendor_completions.d:longtake.fish)
  string(REPLACE ":" ";" parts ${page_and_words})
  list(GET parts 0 source)
  list(GET parts 1 folder)
  list(GET parts 2 name)
  install(FILES ${LONGTAKE_PACKAGING}/${source} DESTINATION ${folder} RENAME ${name})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME longtake)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the longtake authors <longtake@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Records cameras around the clock and survives anything")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${LONGTAKE_PACKAGING}/debian/conffiles;${LONGTAKE_PACKAGING}/debian/postinst;${LONGTAKE_PACKAGING}/debian/prerm;${LONGTAKE_PACKAGING}/debian/postrm")
include(CPack)
