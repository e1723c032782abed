# store: one tenant's sealed store; see doc/FORMAT.md.
noinst_LIBRARIES += store/libstore.a
store_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(OPENSSL_CFLAGS)
store_libstore_a_SOURCES = \
	store/aad.c \
	store/account.c \
	store/checkpoint.c \
	store/commit.c \
	store/core.c \
	store/db.c \
	store/dbfile.c \
	store/erase.c \
	store/head.c \
	store/journal.c \
	store/journal_scan.c \
	store/keys.c \
	store/map.c \
	store/medium_file.c \
	store/oid.c \
	store/record.c \
	store/recover.c \
	store/retire.c \
	store/seal.c \
	store/segment.c \
	store/segref.c \
	store/store.c \
	store/syncer.c \
	store/vfs.c
STORE_ALL_LIBS = store/libstore.a $(CORE_LIBS) $(STORE_LIBS)
