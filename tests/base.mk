# Unit tests of lib/ and daemon/.
check_PROGRAMS += tests/unit/test_loop tests/unit/test_conn \
	tests/unit/test_ipc tests/unit/test_frame_imap tests/unit/test_frame \
	tests/unit/test_sasl tests/unit/test_config tests/unit/test_crypt \
	tests/unit/test_domain
tests_unit_test_loop_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_loop_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_conn_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_conn_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ipc_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_ipc_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_frame_imap_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_frame_imap_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_frame_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_frame_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sasl_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_sasl_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_config_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_config_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_crypt_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_crypt_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_domain_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_domain_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_router tests/unit/test_keyfile
tests_unit_test_router_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_router_SOURCES = tests/unit/test_router.c daemon/attempts.c \
	daemon/digests.c
tests_unit_test_router_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_keyfile_CFLAGS = $(TESTS_CFLAGS)
tests_unit_test_keyfile_SOURCES = tests/unit/test_keyfile.c daemon/keyfile.c \
	daemon/head.c
tests_unit_test_keyfile_LDADD = $(CORE_LIBS) $(CMOCKA_LIBS)


check_PROGRAMS += tests/unit/test_token
tests_unit_test_token_CFLAGS = $(TESTS_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_token_SOURCES = tests/unit/test_token.c daemon/jwk.c \
	daemon/token.c
tests_unit_test_token_LDADD = $(CORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

# Processes for tests of daemon/: the real ones, but for a front and sessions
# of the plainest protocol. Linked into one folder as bastided wants them.
check_PROGRAMS += tests/daemon/imapd tests/daemon/tenantd tests/daemon/walls
tests_daemon_imapd_CFLAGS = $(TESTS_CFLAGS)
tests_daemon_imapd_SOURCES = tests/daemon/front.c tests/daemon/probe.c
tests_daemon_imapd_LDADD = $(CORE_LIBS)
tests_daemon_tenantd_CFLAGS = $(TESTS_CFLAGS)
tests_daemon_tenantd_SOURCES = tests/daemon/echo.c tests/daemon/probe.c
tests_daemon_tenantd_LDADD = $(TENANTD_LIBS)
tests_daemon_walls_CFLAGS = $(TESTS_CFLAGS)
tests_daemon_walls_SOURCES = tests/daemon/walls.c tests/daemon/probe.c
tests_daemon_walls_LDADD = $(CORE_LIBS)
EXTRA_DIST += tests/daemon/probe.h
