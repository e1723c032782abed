# daemon: the processes; see doc/ARCHITECTURE.md.
DAEMON_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(JANSSON_CFLAGS)
sbin_PROGRAMS += daemon/bastided
pkglibexec_PROGRAMS += daemon/keyd daemon/tenantd daemon/worker

daemon_keyd_CFLAGS = $(DAEMON_CFLAGS)
daemon_keyd_SOURCES = daemon/keyd.c daemon/keyfile.c
daemon_keyd_LDADD = $(CORE_LIBS)

daemon_worker_CFLAGS = $(DAEMON_CFLAGS)
daemon_worker_SOURCES = daemon/worker.c daemon/jwk.c daemon/token.c \
	daemon/work.c
daemon_worker_LDADD = $(EXPAND) $(CORE_LIBS) $(JANSSON_LIBS)

# A tenantd without its table of protocols: tests link their own.
noinst_LIBRARIES += daemon/libtenantd.a
daemon_libtenantd_a_CFLAGS = $(DAEMON_CFLAGS)
daemon_libtenantd_a_SOURCES = daemon/addresses.c daemon/admin_check.c \
	daemon/admin_group.c daemon/admin_index.c \
	daemon/admin_json.c daemon/admin_share.c daemon/admin_tenantd.c daemon/auth.c daemon/head.c \
	daemon/keeper.c daemon/tenantd.c daemon/worker_client.c
daemon_tenantd_CFLAGS = $(DAEMON_CFLAGS)
daemon_tenantd_SOURCES = daemon/sessions.c
TENANTD_LIBS = daemon/libtenantd.a store/libstore.a mail/libmail.a \
	$(CORE_LIBS) $(STORE_LIBS) $(LIBETPAN_LIBS) $(JANSSON_LIBS)
daemon_tenantd_LDADD = imapd/libimapsession.a smtpd/libsmtpsession.a \
	caldav/libdavsession.a $(TENANTD_LIBS) $(LIBXML_LIBS)

daemon_bastided_CFLAGS = $(DAEMON_CFLAGS) -DPKGLIBEXECDIR='"$(pkglibexecdir)"'
daemon_bastided_SOURCES = daemon/bastided.c daemon/admin_bastided.c \
	daemon/admin_json.c daemon/admin_server.c daemon/attempts.c daemon/door.c \
	daemon/child.c daemon/digests.c daemon/fronts.c daemon/keyd_link.c \
	daemon/named_file.c daemon/programs.c daemon/relay.c daemon/router.c \
	daemon/services.c daemon/tenants.c daemon/token_keys.c
daemon_bastided_LDADD = $(CORE_LIBS) $(JANSSON_LIBS)
