/* SPDX-License-Identifier: EUPL-1.2 */
/* The model of an account that test_model.c lives beside the store. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "store_fixture.h"

#define MAX_BOXES 24
#define MAX_MESSAGES 300
#define MAX_GONE 6000
#define MAX_POINTS 40
#define NAME 64

struct mmessage {
	uint32_t uid, flags, step;
	unsigned keyword; /* bits 0 and 1: the names "one" and "two" */
	size_t size;
};

struct mgone {
	uint32_t uid, step;
};

/* A HIGHESTMODSEQ that a client may have kept. */
struct mpoint {
	uint64_t modseq;
	uint32_t step;
};

struct mbox {
	bool live, selectable;
	char name[NAME];
	uint64_t id;
	uint32_t uidnext, uidvalidity;
	size_t n, n_gone, n_points;
	struct mmessage m[MAX_MESSAGES];
	struct mgone gone[MAX_GONE];
	struct mpoint points[MAX_POINTS];
};

struct model {
	struct fixture *f;
	uint64_t random;
	uint32_t step;
	uint32_t uidvalidity; /* the highest seen */
	uint64_t id;          /* the highest seen */
	struct mbox box[MAX_BOXES];
};

/* The living one, and its copy for a rollback. */
extern struct model *now, *saved;
extern const char *const keyword_names[2];

uint32_t roll(uint32_t n);
/* --- model_boxes.c: the tree of mailboxes */
struct mbox *find(const char *name);
bool children(const char *name);
size_t room(void);
/* Any mailbox, or any that holds messages. */
struct mbox *any_box(bool selectable);
/* Takes note of the highest numbers that the store gave. */
void seen_numbers(void);
void op_create(void);
void op_delete(void);
void op_rename(void);
/* --- model_compare.c: the store must be as the model says */
void compare_all(void);

#endif
