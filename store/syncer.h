/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside store/: the syncer, the one kind of thread. It gets files and gives
 * back "synced"; it touches no other memory. A batch of a lane is synced by
 * two threads side by side (journal and segment); the commit lane goes first,
 * so that a checkpoint's syncs do not hold up replies.
 */
#ifndef STORE_SYNCER_H
#define STORE_SYNCER_H

#include "medium.h"

enum lane { LANE_COMMIT, LANE_BACKGROUND, LANE_COUNT };

struct syncer;

MUST_CHECK enum err syncer_new(struct medium *m, struct syncer **out);
/* Waits for what runs; what was not begun is dropped. */
void syncer_free(struct syncer *sy);
/* Readable when a batch is finished. */
int syncer_fd(const struct syncer *sy);

/* Hands over a batch: the files, and the directory's names when `names`. The
 * files must stay open until syncer_collect() has told about it. One batch per
 * lane at a time. ERR_NOMEM: nothing was handed over. */
MUST_CHECK enum err syncer_submit(struct syncer *sy, enum lane lane,
	struct medium_file *const *files, size_t n, bool names);
/* Handed over and not yet collected? */
bool syncer_busy(const struct syncer *sy, enum lane lane);
/* True once per finished batch; `result_out` is the first failure. */
bool syncer_collect(struct syncer *sy, enum lane lane, enum err *result_out);
/* Quiets the descriptor; call before syncer_collect. */
void syncer_quiet(struct syncer *sy);
/* Blocks until a batch is finished; when none is handed over, not at all. Only
 * while the store opens and closes. */
void syncer_wait(struct syncer *sy);

#endif
