# lib: what every process shares. Knows no protocol's meaning and no store.
noinst_LIBRARIES += lib/libcore.a
lib_libcore_a_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(SECCOMP_CFLAGS)
lib_libcore_a_SOURCES = \
	lib/buf.c \
	lib/cursor.c \
	lib/err.c \
	lib/mem.c \
	lib/slice.c
CORE_LIBS = lib/libcore.a $(LIB_LIBS)
