# store: one tenant's sealed store; see doc/FORMAT.md.
noinst_LIBRARIES += store/libstore.a
store_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(OPENSSL_CFLAGS)
store_libstore_a_SOURCES = \
	store/aad.c \
	store/account.c \
	store/acl.c \
	store/audit.c \
	store/body.c \
	store/check_body.c \
	store/check_collection.c \
	store/check_fulltext.c \
	store/check_mailbox.c \
	store/checkpoint.c \
	store/collection.c \
	store/commit.c \
	store/core.c \
	store/credential.c \
	store/db.c \
	store/dbfile.c \
	store/directory.c \
	store/erase.c \
	store/fulltext.c \
	store/fulltext_batch.c \
	store/fulltext_block.c \
	store/fulltext_fuzzy.c \
	store/fulltext_query.c \
	store/fulltext_tidy.c \
	store/fulltext_word.c \
	store/group.c \
	store/head.c \
	store/journal.c \
	store/journal_scan.c \
	store/keys.c \
	store/keyword.c \
	store/mailbox.c \
	store/mailbox_move.c \
	store/mailbox_name.c \
	store/map.c \
	store/medium_file.c \
	store/message.c \
	store/message_list.c \
	store/message_unseen.c \
	store/queue.c \
	store/reap.c \
	store/record.c \
	store/recover.c \
	store/registry.c \
	store/resource.c \
	store/resource_list.c \
	store/retire.c \
	store/schema.c \
	store/schema_check.c \
	store/seal.c \
	store/segment.c \
	store/segref.c \
	store/spare.c \
	store/store.c \
	store/subscription.c \
	store/syncer.c \
	store/trace.c \
	store/user.c \
	store/verify.c \
	store/verify_files.c \
	store/verify_journal.c \
	store/vfs.c \
	store/wal.c
STORE_ALL_LIBS = store/libstore.a $(CORE_LIBS) $(STORE_LIBS)
