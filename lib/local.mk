# lib: what every process shares. Knows no protocol's meaning and no store.
noinst_LIBRARIES += lib/libcore.a
lib_libcore_a_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(SECCOMP_CFLAGS) $(IDN2_CFLAGS) $(UNBOUND_CFLAGS) $(ZLIB_CFLAGS)
lib_libcore_a_SOURCES = \
	lib/admin.c \
	lib/buf.c \
	lib/config.c \
	lib/conn.c \
	lib/conn_deflate.c \
	lib/conn_io.c \
	lib/conn_tls.c \
	lib/crypt.c \
	lib/cursor.c \
	lib/dns.c \
	lib/dns_packet.c \
	lib/domain.c \
	lib/err.c \
	lib/file.c \
	lib/frame_dot.c \
	lib/frame_http.c \
	lib/frame_imap.c \
	lib/frame_line.c \
	lib/front.c \
	lib/gate.c \
	lib/ipc.c \
	lib/landlock.c \
	lib/log.c \
	lib/login.c \
	lib/loop.c \
	lib/mem.c \
	lib/msg.c \
	lib/oid.c \
	lib/outq.c \
	lib/process.c \
	lib/record.c \
	lib/route.c \
	lib/sandbox.c \
	lib/sasl_bearer.c \
	lib/sasl_plain.c \
	lib/scram.c \
	lib/slice.c \
	lib/splice.c \
	lib/tls.c \
	lib/tls_names.c
CORE_LIBS = lib/libcore.a $(LIB_LIBS)
